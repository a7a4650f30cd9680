"""What a broker answers when it does not do what it was asked, one class per error code.

Owns: ``BrokerResponseError`` and its classes.
Must not know: requests. Import these names from ``client.errors``.
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.client.client_errors import KafkaError
from streamz_core.errors import Fatal, Misuse, Retriable


class BrokerResponseError(KafkaError):
    """The broker answered with an error code, ``errno``."""

    errno: ClassVar[int | None] = None

    def __str__(self) -> str:
        """The code before name and message."""
        return f"[Error {self.errno}] {super().__str__()}"


class NoError(BrokerResponseError, Misuse):
    """Not an error: the code of success."""

    errno = 0


class UnknownError(BrokerResponseError, Fatal):
    """The broker failed for a reason it has no code for."""

    errno = -1


class OffsetOutOfRangeError(BrokerResponseError, Misuse):
    """The offset is outside the log."""

    errno = 1


class CorruptRecordException(BrokerResponseError, Fatal):
    """A record failed its checksum or is malformed."""

    errno = 2


class UnknownTopicOrPartitionError(BrokerResponseError, Retriable):
    """The topic or partition does not exist here."""

    errno = 3
    retriable = True


class InvalidFetchRequestError(BrokerResponseError, Misuse):
    """The fetch size is not allowed."""

    errno = 4


class LeaderNotAvailableError(BrokerResponseError, Retriable):
    """The partition has no leader at the moment."""

    errno = 5
    retriable = True


class NotLeaderForPartitionError(BrokerResponseError, Retriable):
    """Another node leads the partition."""

    errno = 6
    retriable = True


class RequestTimedOutError(BrokerResponseError, Retriable):
    """The broker could not finish within the time given."""

    errno = 7
    retriable = True


class BrokerNotAvailableError(BrokerResponseError, Retriable):
    """The broker is not available."""

    errno = 8


class ReplicaNotAvailableError(BrokerResponseError, Retriable):
    """The replica is not available."""

    errno = 9


class MessageSizeTooLargeError(BrokerResponseError, Misuse):
    """A record or batch is over the size limit."""

    errno = 10


class StaleControllerEpochError(BrokerResponseError, Fatal):
    """The controller has moved."""

    errno = 11


class OffsetMetadataTooLargeError(BrokerResponseError, Misuse):
    """The text beside a committed offset is too long."""

    errno = 12


class StaleLeaderEpochCodeError(BrokerResponseError, Retriable):
    """The connection to the leader broke (NETWORK_EXCEPTION today)."""

    errno = 13


class GroupLoadInProgressError(BrokerResponseError, Retriable):
    """The coordinator is still loading."""

    errno = 14
    retriable = True


class GroupCoordinatorNotAvailableError(BrokerResponseError, Retriable):
    """There is no coordinator at the moment."""

    errno = 15
    retriable = True


class NotCoordinatorForGroupError(BrokerResponseError, Retriable):
    """Another node coordinates this key."""

    errno = 16
    retriable = True


class InvalidTopicError(BrokerResponseError, Misuse):
    """The topic name is outside the rules, or the topic is internal."""

    errno = 17


class RecordListTooLargeError(BrokerResponseError, Misuse):
    """The batches are larger than a segment."""

    errno = 18


class NotEnoughReplicasError(BrokerResponseError, Retriable):
    """Too few replicas are in sync."""

    errno = 19
    retriable = True


class NotEnoughReplicasAfterAppendError(BrokerResponseError, Retriable):
    """Written, but to too few replicas."""

    errno = 20
    retriable = True


class InvalidRequiredAcksError(BrokerResponseError, Misuse):
    """``acks`` is neither 0, 1 nor -1."""

    errno = 21


class IllegalGenerationError(BrokerResponseError, Fatal):
    """The group is at another generation than the one named."""

    errno = 22


class InconsistentGroupProtocolError(BrokerResponseError, Misuse):
    """The member shares no assignor with the group."""

    errno = 23


class InvalidGroupIdError(BrokerResponseError, Misuse):
    """The group id is empty or not allowed."""

    errno = 24


class UnknownMemberIdError(BrokerResponseError, Fatal):
    """The coordinator does not know this member in this generation."""

    errno = 25


class InvalidSessionTimeoutError(BrokerResponseError, Misuse):
    """The session timeout is outside the broker's bounds."""

    errno = 26


class RebalanceInProgressError(BrokerResponseError, Retriable):
    """The group is rebalancing: join again."""

    errno = 27


class InvalidCommitOffsetSizeError(BrokerResponseError, Misuse):
    """The committed offsets are too large to store."""

    errno = 28


class TopicAuthorizationFailedError(BrokerResponseError, Misuse):
    """Not allowed to use the topic."""

    errno = 29


class GroupAuthorizationFailedError(BrokerResponseError, Misuse):
    """Not allowed to use the group."""

    errno = 30


class ClusterAuthorizationFailedError(BrokerResponseError, Misuse):
    """Not allowed to do this to the cluster."""

    errno = 31


class InvalidTimestampError(BrokerResponseError, Misuse):
    """A timestamp is outside the bounds of the topic."""

    errno = 32


class UnsupportedSaslMechanismError(BrokerResponseError, Misuse):
    """The SASL mechanism is not offered."""

    errno = 33


class IllegalSaslStateError(BrokerResponseError, Misuse):
    """The request does not fit the state of the SASL exchange."""

    errno = 34


class UnsupportedVersionError(BrokerResponseError, Misuse):
    """The version of the API is not supported."""

    errno = 35


class TopicAlreadyExistsError(BrokerResponseError, Misuse):
    """A topic of this name exists."""

    errno = 36


class InvalidPartitionsError(BrokerResponseError, Misuse):
    """The number of partitions is not allowed."""

    errno = 37


class InvalidReplicationFactorError(BrokerResponseError, Misuse):
    """The replication factor cannot be had here."""

    errno = 38


class InvalidReplicationAssignmentError(BrokerResponseError, Misuse):
    """The replica assignment is not valid."""

    errno = 39


class InvalidConfigurationError(BrokerResponseError, Misuse):
    """A configuration key or value is not allowed."""

    errno = 40


class NotControllerError(BrokerResponseError, Retriable):
    """This node is not the controller."""

    errno = 41
    retriable = True


class InvalidRequestError(BrokerResponseError, Misuse):
    """The request contradicts itself or the protocol."""

    errno = 42


class UnsupportedForMessageFormatError(BrokerResponseError, Misuse):
    """The log's message format cannot hold this."""

    errno = 43


class PolicyViolationError(BrokerResponseError, Misuse):
    """A policy of the cluster forbids this."""

    errno = 44


class OutOfOrderSequenceNumber(BrokerResponseError, Fatal):
    """A batch of the idempotent producer is missing before this one."""

    errno = 45


class DuplicateSequenceNumber(BrokerResponseError, Fatal):
    """The batch was written before."""

    errno = 46


class InvalidProducerEpoch(BrokerResponseError, Fatal):
    """A newer producer of this id is at work."""

    errno = 47


class InvalidTxnState(BrokerResponseError, Fatal):
    """The transaction is not in a state for this."""

    errno = 48


class InvalidProducerIdMapping(BrokerResponseError, Fatal):
    """The producer id is not the one of the transactional id."""

    errno = 49


class InvalidTransactionTimeout(BrokerResponseError, Misuse):
    """The transaction timeout is above the broker's limit."""

    errno = 50


class ConcurrentTransactions(BrokerResponseError, Retriable):
    """The transaction before is still being finished."""

    errno = 51


class TransactionCoordinatorFenced(BrokerResponseError, Fatal):
    """The coordinator was replaced by another."""

    errno = 52


class TransactionalIdAuthorizationFailed(BrokerResponseError, Misuse):
    """Not allowed to use the transactional id."""

    errno = 53


class SecurityDisabled(BrokerResponseError, Misuse):
    """Security is not enabled."""

    errno = 54


class OperationNotAttempted(BrokerResponseError, Retriable):
    """Not tried, because another part of the request failed."""

    errno = 55


class KafkaStorageError(BrokerResponseError, Retriable):
    """The broker could not read or write its disk."""

    errno = 56
    retriable = True


class LogDirNotFound(BrokerResponseError, Misuse):
    """The log directory is not configured."""

    errno = 57


class SaslAuthenticationFailed(BrokerResponseError, Misuse):
    """The credentials were refused."""

    errno = 58


class UnknownProducerId(BrokerResponseError, Fatal):
    """The broker has forgotten the producer id."""

    errno = 59


class ReassignmentInProgress(BrokerResponseError, Misuse):
    """A reassignment of the partition is going on."""

    errno = 60


class DelegationTokenAuthDisabled(BrokerResponseError, Misuse):
    """Delegation tokens are not enabled."""

    errno = 61


class DelegationTokenNotFound(BrokerResponseError, Misuse):
    """The delegation token is unknown."""

    errno = 62


class DelegationTokenOwnerMismatch(BrokerResponseError, Misuse):
    """The principal does not own the delegation token."""

    errno = 63


class DelegationTokenRequestNotAllowed(BrokerResponseError, Misuse):
    """Delegation tokens cannot be asked for on this connection."""

    errno = 64


class DelegationTokenAuthorizationFailed(BrokerResponseError, Misuse):
    """Not allowed to use the delegation token."""

    errno = 65


class DelegationTokenExpired(BrokerResponseError, Misuse):
    """The delegation token has expired."""

    errno = 66


class InvalidPrincipalType(BrokerResponseError, Misuse):
    """The kind of principal is not supported."""

    errno = 67


class NonEmptyGroup(BrokerResponseError, Misuse):
    """The group has members."""

    errno = 68


class GroupIdNotFound(BrokerResponseError, Misuse):
    """The group does not exist."""

    errno = 69


class FetchSessionIdNotFound(BrokerResponseError, Retriable):
    """The fetch session is gone."""

    errno = 70


class InvalidFetchSessionEpoch(BrokerResponseError, Retriable):
    """The fetch session is at another epoch."""

    errno = 71


class ListenerNotFound(BrokerResponseError, Retriable):
    """The broker has no such listener."""

    errno = 72


class MemberIdRequired(BrokerResponseError, Retriable):
    """Join again with the member id of the answer."""

    errno = 79


class FencedLeaderEpochError(BrokerResponseError, Retriable):
    """The leader epoch named is older than the broker's."""

    errno = 74
    retriable = True


class UnknownLeaderEpochError(BrokerResponseError, Retriable):
    """The leader epoch named is newer than the broker's."""

    errno = 75
    retriable = True


class UnsupportedCompressionTypeError(BrokerResponseError, Misuse):
    """The broker does not take this compression."""

    errno = 76


class OffsetNotAvailableError(BrokerResponseError, Retriable):
    """The leader does not know its high watermark yet."""

    errno = 78
    retriable = True


class GroupMaxSizeReachedError(BrokerResponseError, Misuse):
    """The group has as many members as it may."""

    errno = 81


class FencedInstanceIdError(BrokerResponseError, Fatal):
    """Another member took over this ``group_instance_id``; this one must stop."""

    errno = 82


class InvalidRecordError(BrokerResponseError, Misuse):
    """A record is not valid for its topic."""

    errno = 87


class UnstableOffsetCommitError(BrokerResponseError, Retriable):
    """A transaction that commits offsets of this partition is still open."""

    errno = 88
    retriable = True


class ThrottlingQuotaExceededError(BrokerResponseError, Retriable):
    """The quota for changes is used up."""

    errno = 89
    retriable = True


class ResourceNotFoundError(BrokerResponseError, Misuse):
    """The resource does not exist."""

    errno = 91


class UnknownTopicIdError(BrokerResponseError, Retriable):
    """No topic has this id."""

    errno = 100
    retriable = True


class TransactionalIdNotFoundError(BrokerResponseError, Misuse):
    """The transactional id is unknown."""

    errno = 105


class TransactionAbortableError(BrokerResponseError, Fatal):
    """The transaction cannot be committed: abort it, then begin another."""

    errno = 120


class InvalidRegularExpression(BrokerResponseError, Misuse):
    """The pattern is no regular expression."""

    errno = 128


InvalidMessageError = CorruptRecordException
CoordinatorLoadInProgressError = GroupLoadInProgressError
CoordinatorNotAvailableError = GroupCoordinatorNotAvailableError
NotCoordinatorError = NotCoordinatorForGroupError
