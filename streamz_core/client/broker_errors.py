"""What a broker answers when it does not do what it was asked, one class per error code.

Owns: ``BrokerResponseError`` and the table of its classes.
Must not know: requests. Import these names from ``client.errors``.

A row of the table is a class: what its reader should do (its second base), the code, and whether the
client itself repeats the request. ``message`` is the code's name in the protocol as aiokafka spells it,
``description`` the class's docstring.
"""

from __future__ import annotations

from typing import ClassVar, Final

from streamz_core.client.client_errors import KafkaError
from streamz_core.errors import ErrorCode, Fatal, Misuse, Retriable

BY_CODE: Final[dict[int, type[BrokerResponseError]]] = {}
"""The class of each error code that has one."""


class BrokerResponseError(KafkaError):
    """The broker answered with an error code, ``errno``."""

    errno: ClassVar[int | None] = None
    message: ClassVar[str] = ""
    description: ClassVar[str] = ""

    def __init_subclass__(
        cls,
        *,
        errno: int | None = None,
        message: str | None = None,
        retriable: bool = False,
        invalid_metadata: bool = False,
    ) -> None:
        """Put a row into the table; ``message`` is given where it is not the name of the ``ErrorCode``."""
        super().__init_subclass__()
        if errno is None:  # a program's own subclass of one of these
            return
        cls.errno = errno
        cls.message = ErrorCode(errno).name if message is None else message
        cls.description = (cls.__doc__ or "").split("\n\n")[0]
        cls.retriable = retriable
        cls.invalid_metadata = invalid_metadata
        BY_CODE[errno] = cls

    def __str__(self) -> str:
        """The code before name and message."""
        return f"[Error {self.errno}] {super().__str__()}"


class UnknownError(BrokerResponseError, Fatal, errno=-1, message="UNKNOWN"):
    """The broker failed for a reason it has no code for."""


class NoError(BrokerResponseError, Misuse, errno=0, message="NO_ERROR"):
    """Not an error: the code of success."""


class OffsetOutOfRangeError(BrokerResponseError, Misuse, errno=1):
    """The offset is outside the log.

    Of a consumer without a reset policy, ``args[0]`` has the offset of each ``TopicPartition``.
    """


class CorruptRecordException(BrokerResponseError, Fatal, errno=2):
    """A record failed its checksum or is malformed."""


class UnknownTopicOrPartitionError(
    BrokerResponseError, Retriable, errno=3, retriable=True, invalid_metadata=True
):
    """The topic or partition does not exist here."""


class InvalidFetchRequestError(BrokerResponseError, Misuse, errno=4):
    """The fetch size is not allowed."""


class LeaderNotAvailableError(BrokerResponseError, Retriable, errno=5, retriable=True, invalid_metadata=True):
    """The partition has no leader at the moment."""


class NotLeaderForPartitionError(
    BrokerResponseError,
    Retriable,
    errno=6,
    message="NOT_LEADER_FOR_PARTITION",
    retriable=True,
    invalid_metadata=True,
):
    """Another node leads the partition."""


class RequestTimedOutError(BrokerResponseError, Retriable, errno=7, retriable=True):
    """The broker could not finish within the time given."""


class BrokerNotAvailableError(BrokerResponseError, Retriable, errno=8):
    """The broker is not available."""


class ReplicaNotAvailableError(BrokerResponseError, Retriable, errno=9):
    """The replica is not available."""


class MessageSizeTooLargeError(BrokerResponseError, Misuse, errno=10, message="MESSAGE_SIZE_TOO_LARGE"):
    """A record or batch is over the size limit."""


class StaleControllerEpochError(BrokerResponseError, Fatal, errno=11):
    """The controller has moved."""


class OffsetMetadataTooLargeError(BrokerResponseError, Misuse, errno=12):
    """The text beside a committed offset is too long."""


class StaleLeaderEpochCodeError(BrokerResponseError, Retriable, errno=13, message="STALE_LEADER_EPOCH_CODE"):
    """The connection to the leader broke (NETWORK_EXCEPTION today)."""


class GroupLoadInProgressError(BrokerResponseError, Retriable, errno=14, retriable=True):
    """The coordinator is still loading."""


class GroupCoordinatorNotAvailableError(BrokerResponseError, Retriable, errno=15, retriable=True):
    """There is no coordinator at the moment."""


class NotCoordinatorForGroupError(BrokerResponseError, Retriable, errno=16, retriable=True):
    """Another node coordinates this key."""


class InvalidTopicError(BrokerResponseError, Misuse, errno=17, message="INVALID_TOPIC"):
    """The topic name is outside the rules, or the topic is internal."""


class RecordListTooLargeError(BrokerResponseError, Misuse, errno=18):
    """The batches are larger than a segment."""


class NotEnoughReplicasError(BrokerResponseError, Retriable, errno=19, retriable=True):
    """Too few replicas are in sync."""


class NotEnoughReplicasAfterAppendError(BrokerResponseError, Retriable, errno=20, retriable=True):
    """Written, but to too few replicas."""


class InvalidRequiredAcksError(BrokerResponseError, Misuse, errno=21):
    """``acks`` is neither 0, 1 nor -1."""


class IllegalGenerationError(BrokerResponseError, Fatal, errno=22):
    """The group is at another generation than the one named."""


class InconsistentGroupProtocolError(BrokerResponseError, Misuse, errno=23):
    """The member shares no assignor with the group."""


class InvalidGroupIdError(BrokerResponseError, Misuse, errno=24):
    """The group id is empty or not allowed."""


class UnknownMemberIdError(BrokerResponseError, Fatal, errno=25):
    """The coordinator does not know this member in this generation."""


class InvalidSessionTimeoutError(BrokerResponseError, Misuse, errno=26):
    """The session timeout is outside the broker's bounds."""


class RebalanceInProgressError(BrokerResponseError, Retriable, errno=27):
    """The group is rebalancing: join again."""


class InvalidCommitOffsetSizeError(BrokerResponseError, Misuse, errno=28):
    """The committed offsets are too large to store."""


class TopicAuthorizationFailedError(BrokerResponseError, Misuse, errno=29):
    """Not allowed to use the topic."""


class GroupAuthorizationFailedError(BrokerResponseError, Misuse, errno=30):
    """Not allowed to use the group."""


class ClusterAuthorizationFailedError(BrokerResponseError, Misuse, errno=31):
    """Not allowed to do this to the cluster."""


class InvalidTimestampError(BrokerResponseError, Misuse, errno=32):
    """A timestamp is outside the bounds of the topic."""


class UnsupportedSaslMechanismError(BrokerResponseError, Misuse, errno=33):
    """The SASL mechanism is not offered."""


class IllegalSaslStateError(BrokerResponseError, Misuse, errno=34):
    """The request does not fit the state of the SASL exchange."""


class UnsupportedVersionError(BrokerResponseError, Misuse, errno=35):
    """The version of the API is not supported."""


class TopicAlreadyExistsError(BrokerResponseError, Misuse, errno=36):
    """A topic of this name exists."""


class InvalidPartitionsError(BrokerResponseError, Misuse, errno=37):
    """The number of partitions is not allowed."""


class InvalidReplicationFactorError(BrokerResponseError, Misuse, errno=38):
    """The replication factor cannot be had here."""


class InvalidReplicationAssignmentError(
    BrokerResponseError, Misuse, errno=39, message="INVALID_REPLICATION_ASSIGNMENT"
):
    """The replica assignment is not valid."""


class InvalidConfigurationError(BrokerResponseError, Misuse, errno=40):
    """A configuration key or value is not allowed."""


class NotControllerError(BrokerResponseError, Retriable, errno=41, retriable=True):
    """This node is not the controller."""


class InvalidRequestError(BrokerResponseError, Misuse, errno=42):
    """The request contradicts itself or the protocol."""


class UnsupportedForMessageFormatError(BrokerResponseError, Misuse, errno=43):
    """The log's message format cannot hold this."""


class PolicyViolationError(BrokerResponseError, Misuse, errno=44):
    """A policy of the cluster forbids this."""


class OutOfOrderSequenceNumber(BrokerResponseError, Fatal, errno=45):
    """A batch of the idempotent producer is missing before this one."""


class DuplicateSequenceNumber(BrokerResponseError, Fatal, errno=46):
    """The batch was written before."""


class InvalidProducerEpoch(BrokerResponseError, Fatal, errno=47):
    """A newer producer of this id is at work."""


class InvalidTxnState(BrokerResponseError, Fatal, errno=48):
    """The transaction is not in a state for this."""


class InvalidProducerIdMapping(BrokerResponseError, Fatal, errno=49):
    """The producer id is not the one of the transactional id."""


class InvalidTransactionTimeout(BrokerResponseError, Misuse, errno=50):
    """The transaction timeout is above the broker's limit."""


class ConcurrentTransactions(BrokerResponseError, Retriable, errno=51):
    """The transaction before is still being finished."""


class TransactionCoordinatorFenced(BrokerResponseError, Fatal, errno=52):
    """The coordinator was replaced by another."""


class TransactionalIdAuthorizationFailed(BrokerResponseError, Misuse, errno=53):
    """Not allowed to use the transactional id."""


class SecurityDisabled(BrokerResponseError, Misuse, errno=54):
    """Security is not enabled."""


class OperationNotAttempted(BrokerResponseError, Retriable, errno=55):
    """Not tried, because another part of the request failed."""


class KafkaStorageError(BrokerResponseError, Retriable, errno=56, retriable=True, invalid_metadata=True):
    """The broker could not read or write its disk."""


class LogDirNotFound(BrokerResponseError, Misuse, errno=57):
    """The log directory is not configured."""


class SaslAuthenticationFailed(BrokerResponseError, Misuse, errno=58):
    """The credentials were refused."""


class UnknownProducerId(BrokerResponseError, Fatal, errno=59):
    """The broker has forgotten the producer id."""


class ReassignmentInProgress(BrokerResponseError, Misuse, errno=60):
    """A reassignment of the partition is going on."""


class DelegationTokenAuthDisabled(
    BrokerResponseError, Misuse, errno=61, message="DELEGATION_TOKEN_AUTH_DISABLED"
):
    """Delegation tokens are not enabled."""


class DelegationTokenNotFound(BrokerResponseError, Misuse, errno=62, message="DELEGATION_TOKEN_NOT_FOUND"):
    """The delegation token is unknown."""


class DelegationTokenOwnerMismatch(
    BrokerResponseError, Misuse, errno=63, message="DELEGATION_TOKEN_OWNER_MISMATCH"
):
    """The principal does not own the delegation token."""


class DelegationTokenRequestNotAllowed(
    BrokerResponseError, Misuse, errno=64, message="DELEGATION_TOKEN_REQUEST_NOT_ALLOWED"
):
    """Delegation tokens cannot be asked for on this connection."""


class DelegationTokenAuthorizationFailed(
    BrokerResponseError, Misuse, errno=65, message="DELEGATION_TOKEN_AUTHORIZATION_FAILED"
):
    """Not allowed to use the delegation token."""


class DelegationTokenExpired(BrokerResponseError, Misuse, errno=66, message="DELEGATION_TOKEN_EXPIRED"):
    """The delegation token has expired."""


class InvalidPrincipalType(BrokerResponseError, Misuse, errno=67):
    """The kind of principal is not supported."""


class NonEmptyGroup(BrokerResponseError, Misuse, errno=68):
    """The group has members."""


class GroupIdNotFound(BrokerResponseError, Misuse, errno=69):
    """The group does not exist."""


class FetchSessionIdNotFound(BrokerResponseError, Retriable, errno=70):
    """The fetch session is gone."""


class InvalidFetchSessionEpoch(BrokerResponseError, Retriable, errno=71):
    """The fetch session is at another epoch."""


class ListenerNotFound(BrokerResponseError, Retriable, errno=72):
    """The broker has no such listener."""


class FencedLeaderEpochError(BrokerResponseError, Retriable, errno=74, retriable=True):
    """The leader epoch named is older than the broker's."""


class UnknownLeaderEpochError(BrokerResponseError, Retriable, errno=75, retriable=True):
    """The leader epoch named is newer than the broker's."""


class UnsupportedCompressionTypeError(BrokerResponseError, Misuse, errno=76):
    """The broker does not take this compression."""


class OffsetNotAvailableError(BrokerResponseError, Retriable, errno=78, retriable=True):
    """The leader does not know its high watermark yet."""


class MemberIdRequired(BrokerResponseError, Retriable, errno=79):
    """Join again with the member id of the answer."""


class GroupMaxSizeReachedError(BrokerResponseError, Misuse, errno=81):
    """The group has as many members as it may."""


class FencedInstanceIdError(BrokerResponseError, Fatal, errno=82):
    """Another member took over this ``group_instance_id``; this one must stop."""


class GroupSubscribedToTopicError(BrokerResponseError, Misuse, errno=86):
    """Members of the group are subscribed to the topic, so its offsets cannot be deleted."""


class InvalidRecordError(BrokerResponseError, Misuse, errno=87):
    """A record is not valid for its topic."""


class UnstableOffsetCommitError(BrokerResponseError, Retriable, errno=88, retriable=True):
    """A transaction that commits offsets of this partition is still open."""


class ThrottlingQuotaExceededError(BrokerResponseError, Retriable, errno=89, retriable=True):
    """The quota for changes is used up."""


class ResourceNotFoundError(BrokerResponseError, Misuse, errno=91):
    """The resource does not exist."""


class DuplicateResourceError(BrokerResponseError, Misuse, errno=92):
    """The request names the same thing twice."""


class UnacceptableCredentialError(BrokerResponseError, Misuse, errno=93):
    """The credential is too weak, or not well formed."""


class UnknownTopicIdError(BrokerResponseError, Retriable, errno=100, retriable=True):
    """No topic has this id."""


class TransactionalIdNotFoundError(BrokerResponseError, Misuse, errno=105):
    """The transactional id is unknown."""


class TransactionAbortableError(BrokerResponseError, Fatal, errno=120):
    """The transaction cannot be committed: abort it, then begin another."""


class InvalidRegularExpression(BrokerResponseError, Misuse, errno=128):
    """The pattern is no regular expression."""


InvalidMessageError = CorruptRecordException
CoordinatorLoadInProgressError = GroupLoadInProgressError
CoordinatorNotAvailableError = GroupCoordinatorNotAvailableError
NotCoordinatorError = NotCoordinatorForGroupError
