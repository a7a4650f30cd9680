"""What a task runs, and what it gives to what it runs.

Owns: ``Processor`` (implemented by agents and by fused operators), ``ProcessorContext``
(implemented by the runtime's task), codecs by the batch, and ``RecordError``.
Must not know: the runtime, the client, which processors there are.

The runtime calls, for every slice of a batch and every processor of its source::

    done = await processor.process(batch, start, stop, may_yield=True)

or, where it takes rounds over several partitions, ``process_round``. In between it commits: so
at a commit every record below the committed offset is handled entirely, and none above it is begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from streamz_core.errors import StreamzError
from streamz_core.serde.failure import DecodeFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.clock import Clock
    from streamz_core.model import Header
    from streamz_core.state.cache import CachedStore
    from streamz_core.state.global_store import GlobalStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.batch import Batch
    from streamz_core.streams.commit_request import CommitRequest
    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.round import Round

__all__ = [
    "AnyProcessor",
    "Codec",
    "DecodeFailure",
    "Processor",
    "ProcessorContext",
    "RecordError",
    "RoundProcessor",
    "UpdateFailed",
]


class RecordError(StreamzError):
    """User code failed on one record; the task's error policy decides what becomes of it."""

    def __init__(
        self,
        index: int,
        cause: BaseException,
        count: int = 1,
        *,
        step: str | None = None,
        policy: ErrorPolicy | None = None,
    ) -> None:
        """Record ``index`` failed with ``cause``, or ``count`` records from it on that were taken together.

        Those are tried again one by one, to find the one that fails. ``step`` is the part of the processor
        that failed, ``policy`` its own, in place of the processor's.
        """
        super().__init__(f"record {index} of the batch failed: {cause!r}")
        self.index = index
        self.cause = cause
        self.count = count
        self.step = step
        self.policy = policy


class UpdateFailed(StreamzError):
    """User code failed on what was held back for the commit: which record brought it about is not known yet."""

    def __init__(self, step: str, cause: BaseException, policy: ErrorPolicy | None = None) -> None:
        """``step`` failed with ``cause``; ``policy`` is its own, in place of the processor's."""
        super().__init__(f"step {step!r} failed on an update that was held back until the commit: {cause!r}")
        self.step = step
        self.cause = cause
        self.policy = policy


class Codec(Protocol):
    """Values from and to bytes, whole columns in one call."""

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Decode a column. What does not decode becomes a ``DecodeFailure`` at its place."""

    def encode(self, value: Any) -> bytes | None:
        """Encode one value."""


class ProcessorContext(Protocol):
    """A task as its processors see it."""

    @property
    def task_id(self) -> str:
        """``subtopology_partition``, for instance ``agents_3``."""

    @property
    def partition(self) -> int:
        """The partition this task owns of every source topic and store."""

    @property
    def clock(self) -> Clock:
        """The clock to ask for wall-clock time."""

    @property
    def timestamp_ahead_max_ms(self) -> int:
        """How far ahead of the clock a timestamp may be to be believed."""

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp seen by this task, restored across restarts; -1 before the first."""

    @property
    def commit_request(self) -> CommitRequest:
        """Whether a commit is due: a processor that may yield returns after the record in hand."""

    @property
    def state_dir(self) -> str:
        """A directory of the task's own for files; made when it is asked for."""

    def app_configs(self) -> Mapping[str, Any]:
        """The app's settings by name, secrets hidden."""

    @property
    def metrics(self) -> Mapping[str, int]:
        """What the task counts, as of now."""

    def store(self, name: str) -> CachedStore:
        """This task's partition of a key-value store."""

    def window_store(self, name: str) -> WindowedStore:
        """This task's partition of a window store."""

    def any_store(self, name: str) -> Any:
        """This task's partition of a store of any kind."""

    def global_store(self, name: str) -> GlobalStore:
        """A global table, the same for all tasks of the process."""

    def partition_count(self, topic: str) -> int:
        """How many partitions an output topic has."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Sequence[Header] = (),
        partition: int | None = None,
    ) -> None:
        """Buffer one output record; it becomes visible with the task's next commit.

        The partition is the murmur2 of the key unless given; records without key stick to one
        partition a flush.
        """

    def send_columns(
        self,
        topic: str,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None = None,
    ) -> None:
        """Buffer many output records of one topic in one call, partitioned as by ``send``."""

    async def is_silent(self, silence_ms: float) -> bool:
        """Whether ``silence_ms`` without input mean that there is none.

        False before the first answer of the log, while a transaction is open in the input, and while a commit of this
        process takes a good part of that time: what it holds may be input.
        """

    def request_commit(self) -> None:
        """Commit as soon as the record in hand is done."""

    @property
    def wake_at(self) -> Callable[[int], None]:
        """``wake_at(time_ms)``: have time-driven work done at this time of the wall clock, input or not."""


class ProcessorLife(Protocol):
    """What every processor has beside its way to handle records."""

    async def open(self, context: ProcessorContext) -> None:
        """Start; the stores of ``context`` are restored and usable."""

    async def flush(self) -> None:
        """Called before a commit: whatever was held back for it has to go on now. Raises ``UpdateFailed``.

        What is held back over slices comes with a change of a store: where no store has changed since the last
        commit, a failure makes processors anew without handing them the records before its slice again.
        """

    async def punctuate(self) -> None:
        """Called after every slice and on idle ticks: close windows, fire stream-time work."""

    async def close(self) -> None:
        """Stop and let go of everything. Also called after a failure; must not raise for it."""


class Processor(ProcessorLife, Protocol):
    """One consumer of a source's records in one task, by batches of one partition."""

    async def process(self, batch: Batch, start: int, stop: int, *, may_yield: bool) -> int:
        """Handle records ``start`` to ``stop``; returns the index of the first one not handled.

        That is ``stop``, or less where ``may_yield`` and ``context.commit_request``. Raises
        ``RecordError`` for the record that failed; everything before it is handled.
        """


class RoundProcessor(ProcessorLife, Protocol):
    """One consumer of all records of a task, by rounds over its partitions."""

    async def process_round(self, round_: Round, start: int, stop: int, *, may_yield: bool) -> int:
        """Handle the records at the places ``start`` to ``stop``; returns the place of the first one not handled.

        As ``Processor.process``, by places in the round. It decodes: where a record does not, the round is told
        (``note_bad``) and handled up to that record.
        """


AnyProcessor = Processor | RoundProcessor
