"""What goes wrong on the client's side of the link.

Owns: ``KafkaError``, the root of what clients raise, and the errors that no broker sent.
Must not know: the protocol's error codes. Import these names from ``client.errors``.
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import Fatal, Misuse, Retriable, StreamzError


class KafkaError(StreamzError, RuntimeError):
    """Root of the errors a client raises."""

    retriable: ClassVar[bool] = False
    invalid_metadata: ClassVar[bool] = False

    def __str__(self) -> str:
        """Name and message, so that a bare ``print(error)`` says what it was.

        Values for programs to handle may come before the message: ``args[0]``, where aiokafka has them.
        """
        said = self.args[-1] if self.args and isinstance(self.args[-1], str) else super().__str__()
        return f"{type(self).__name__}: {said}" if said else type(self).__name__


class IllegalStateError(KafkaError, Misuse):
    """The call does not fit what the client is doing now, such as a partition that is not assigned."""


class IllegalArgumentError(KafkaError, Misuse):
    """An argument has a value that is not allowed."""


class NoBrokersAvailable(KafkaError, Retriable):
    """No broker answered."""

    retriable = True
    invalid_metadata = True


class NodeNotReadyError(KafkaError, Retriable):
    """A connection to a node is not ready yet."""

    retriable = True


class KafkaProtocolError(KafkaError, Retriable):
    """What a peer sent does not follow the protocol."""

    retriable = True


class CorrelationIdError(KafkaProtocolError):
    """A response answers another request than the one waiting."""


class Cancelled(KafkaError, Retriable):
    """The request was called off before it was sent."""

    retriable = True


class TooManyInFlightRequests(KafkaError, Retriable):
    """The limit of unanswered requests is reached."""

    retriable = True


class StaleMetadata(KafkaError, Retriable):
    """The cached metadata names what is no longer there."""

    retriable = True
    invalid_metadata = True


class MetadataEmptyBrokerList(KafkaError, Retriable):
    """Metadata came without a single broker."""

    retriable = True


class UnrecognizedBrokerVersion(KafkaError, Fatal):
    """The broker's version cannot be told."""


class IncompatibleBrokerVersion(KafkaError, Fatal):
    """The broker is too old for the request."""


class CommitFailedError(KafkaError, Fatal):
    """The group moved on: this member's generation no longer owns the partitions, so its offsets were not
    taken.
    """


class AuthenticationMethodNotSupported(KafkaError, Misuse):
    """The broker does not offer this SASL mechanism."""


class AuthenticationFailedError(KafkaError, Misuse):
    """The broker refused the credentials."""


class KafkaUnavailableError(KafkaError, Retriable):
    """The cluster cannot be reached."""


class KafkaTimeoutError(KafkaError, Retriable):
    """A deadline passed; whether the request took effect is unknown."""


class KafkaConnectionError(KafkaError, Retriable):
    """The connection broke or could not be made."""

    retriable = True
    invalid_metadata = True


class ConnectionLost(KafkaConnectionError):
    """The process that owned and served a data directory is gone: nobody will ever answer on this link.

    Open the directory anew: whoever does first owns it.
    """


class UnsupportedCodecError(KafkaError, Misuse):
    """A batch is compressed with a codec this build cannot read."""


class KafkaConfigurationError(KafkaError, Misuse):
    """Settings that cannot hold together."""


class QuotaViolationError(KafkaError, Retriable):
    """A quota is used up."""


class NoOffsetForPartitionError(KafkaError, Misuse):
    """Nothing is committed and ``auto_offset_reset`` is ``none``: seek, or choose a reset policy.

    ``args[0]`` is the ``TopicPartition``.
    """


class RecordTooLargeError(KafkaError, Misuse):
    """A record is larger than the fetch or request limits allow."""


class ProducerClosed(KafkaError, Misuse):
    """The producer was stopped, so it takes no more records."""


class ProducerFenced(KafkaError, Fatal):
    """Another producer took over this transactional id; this one must stop."""

    def __init__(
        self,
        msg: str = "a newer producer uses this transactional id, or the transaction ran longer than "
        "transaction_timeout_ms",
    ) -> None:
        super().__init__(msg)


class ConsumerStoppedError(Misuse):
    """The consumer was stopped, also while a call was waiting."""


class IllegalOperation(Misuse):
    """The operation is not available with this configuration or in this state."""


class LinkClosed(KafkaError, Misuse):
    """The link to the broker was closed before this request."""
