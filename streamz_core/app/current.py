"""Which record the running code has in hand.

Owns: ``Cursor``, the place of one actor in the batch its task works on, and the context variable
through which topics, tables and ``current_event`` find it.
Must not know: how actors are run, how stores work.

Everything an agent calls runs in a context that holds its cursor; code outside agents has none.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64

from streamz_core.app.errors import NoRecordInHand
from streamz_core.app.sending import BUFFERED, FutureMessage
from streamz_core.streams.batch import Batch

if TYPE_CHECKING:
    from streamz_core.state.cache import CachedStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.processor import ProcessorContext


class Cursor:
    """One actor's record in hand: ``batch`` from ``index`` up to ``end``; ``index`` is -1 between records.

    ``stores`` and ``windows`` remember the task's partition of every table the actor has touched;
    ``timestamps``, ``send`` and ``sent`` what sending asks for with every record.
    """

    __slots__ = (
        "agent",
        "batch",
        "context",
        "end",
        "index",
        "is_over",
        "is_parked",
        "send",
        "sent",
        "stores",
        "timestamps",
        "use_table",
        "windows",
    )

    def __init__(
        self, agent: str, context: ProcessorContext, use_table: Callable[[str], None] = lambda _: None
    ) -> None:
        """No record yet. ``use_table`` is told the name of every windowed table at its first use."""
        self.use_table: Final = use_table
        self.agent: Final = agent
        self.context: Final = context
        self.send: Final[Any] = context.send
        self.sent: Final[asyncio.Future[FutureMessage]] = asyncio.get_running_loop().create_future()
        """What sending into the task's transaction returns, always the same: nothing is awaited faster."""
        self.sent.set_result(BUFFERED)
        self.batch: Batch
        self.timestamps: list[Any] = []
        self.index: i64 = -1
        self.end: i64 = 0
        self.is_parked = False
        """Whether the actor waits for its next record."""
        self.is_over = False
        """Whether the task went on without the actor: whatever it does now belongs to no transaction."""
        self.stores: dict[str, CachedStore] = {}
        self.windows: dict[str, WindowedStore] = {}

    def take_up(self, batch: Batch) -> None:
        """Records in hand are of ``batch`` from now on."""
        self.batch, self.timestamps = batch, batch.timestamps

    def leave_behind(self) -> None:
        """The actor did not end when it was told to."""
        self.index, self.is_over = -1, True

    @property
    def topic(self) -> str:
        """The topic of the record in hand."""
        return self.batch.source.topic

    @property
    def timestamp_ms(self) -> int:
        """The timestamp of the record in hand."""
        timestamp: int = self.batch.timestamps[self.index]
        return timestamp


CURRENT: ContextVar[Cursor] = ContextVar("streamz_core_current")


def in_hand() -> Cursor | None:
    """The running actor's cursor if it holds a record, else None."""
    cursor = CURRENT.get(None)
    return cursor if cursor is not None and cursor.index >= 0 else None


def needed(what: str) -> Cursor:
    """The running actor's cursor; raises ``NoRecordInHand`` saying that ``what`` needs one."""
    cursor = in_hand()
    if cursor is None:
        raise NoRecordInHand(
            f"{what} is only possible while an agent holds a record: its partition and its commit are that "
            f"record's. From a timer, a task or a web view, send a record to an agent's topic instead"
        )
    return cursor
