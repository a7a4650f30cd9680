"""What an operator is: one step of a graph in one task.

Owns: the base class of all operators, and what they are lent (``OperatorContext``).
Must not know: graphs, the order in which operators run, which operators there are.

An operator takes rows and gives rows, and never waits. It is made anew for every task and after every
failure; whatever must outlive it is in its stores. Rows that it holds back for the commit (updates of one
key that may be merged) it gives in ``flush``; what depends on time passing, in ``punctuate``. No input record
stands behind such rows: their orders, given by who runs the operator, are below zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mypy_extensions import mypyc_attr

from streamz_core.errors import StreamzError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.clock import Clock
    from streamz_core.model import Header
    from streamz_core.streams.internal_topic import InternalTopic
    from streamz_core.streams.rows import Rows


class RowFailed(StreamzError):
    """A function of the user's failed on a row."""

    def __init__(self, operator: str, order: int, cause: BaseException) -> None:
        """``order`` is the row's: the input record it comes from."""
        super().__init__(f"operator {operator!r} failed: {cause!r}")
        self.operator = operator
        self.order = order
        self.cause = cause


class OperatorContext(Protocol):
    """What an operator may use of its task."""

    @property
    def task_id(self) -> str:
        """The task's name."""

    @property
    def partition(self) -> int:
        """The partition this task owns of every topic and store."""

    @property
    def clock(self) -> Clock:
        """Wall-clock time."""

    def latest_timestamp_ms(self) -> int:
        """The latest timestamp that is believed now (``timestamp_ahead_max``): a later one moves no time."""

    def wake_at(self, time_ms: int) -> None:
        """Have ``punctuate`` called at this time of the wall clock, input or not."""

    def watch_idle(self) -> None:
        """This operator will ask for ``idle_ms``."""

    def idle_ms(self) -> int:
        """How long there was no input, with all of it read to its end; 0 while there may be more."""

    @property
    def application_id(self) -> str:
        """What the names of the app's own topics begin with."""

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp that the task has seen, restored across restarts; -1 before the first."""

    @property
    def state_dir(self) -> str:
        """A directory of the task's own for files; made when it is asked for."""

    def app_configs(self) -> Mapping[str, Any]:
        """The app's settings by name, secrets hidden."""

    @property
    def metrics(self) -> Mapping[str, int]:
        """What the task counts, as of now."""

    def store(self, name: str) -> Any:
        """This task's partition of a store, of whatever kind it was declared."""

    def global_store(self, name: str) -> Any:
        """A global table, the same for all tasks of the process."""

    def origin(self, order: int) -> tuple[str, int, int]:
        """Topic, partition and offset of the input record in hand with this order."""

    def topic_name(self, topic: str | InternalTopic) -> str:
        """The full name of a topic of the graph."""

    def partition_count(self, topic: str) -> int:
        """How many partitions a topic has that rows are sent to."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Sequence[Header] = (),
        partition: int | None = None,
    ) -> None:
        """Buffer one output record for the task's next commit."""

    def send_columns(
        self,
        topic: str,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None = None,
    ) -> None:
        """Buffer many output records of one topic."""

    def request_commit(self) -> None:
        """Commit as soon as the rows in hand are done."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Operator:
    """One step; subclasses override ``process``, or ``process_ports`` where they have several inputs."""

    def __init__(self, name: str) -> None:
        """``name`` is the node's, for messages."""
        self.name = name

    def open(self, context: OperatorContext) -> None:
        """Start; the stores of ``context`` are restored and usable."""

    def know_children(self, names: list[str]) -> None:
        """The steps behind this one: called where rows may be marked with the name of the one they are for."""

    def process(self, rows: Rows) -> Rows | None:
        """Handle rows of the only input; what is returned goes to every operator behind this one."""
        return rows

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        """Handle rows of all inputs; by their orders they come one after the other."""
        rows = inputs[0]
        return None if rows is None else self.process(rows)

    def flush(self) -> Rows | None:
        """What was held back; a commit follows."""
        return None

    def punctuate(self, now_ms: int) -> Rows | None:
        """Called between slices and on idle ticks, with the wall-clock time."""
        return None

    def close(self) -> None:
        """Let go of everything; must not raise."""
