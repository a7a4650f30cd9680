"""``GraphProcessor``: a graph of operators as a task's processor.

Owns: cutting slices into pieces, turning them into rows, and saying which record an error belongs to.
Must not know: which operators there are, how tasks choose, commit and go back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.errors import Fatal
from streamz_core.streams.execution.plan import is_deep, wire
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.operator import RowFailed
from streamz_core.streams.processor import RecordError, UpdateFailed
from streamz_core.streams.rows import Rows

if TYPE_CHECKING:
    from streamz_core.clock import Clock
    from streamz_core.streams.batch import Batch
    from streamz_core.streams.execution.steps import Step
    from streamz_core.streams.graph import Graph
    from streamz_core.streams.processor import ProcessorContext

PIECE_RECORDS: Final = 128
"""Records that pass one operator before the next one: enough to spread the cost of a call, few enough
that what one operator makes is still in the processor's cache when the next one reads it."""


class PunctuationFailed(Fatal):
    """A step failed on what the passing of time brought about: no record stands behind it."""


class GraphContext:
    """A task as its operators see it."""

    def __init__(self, context: ProcessorContext, app_id: str) -> None:
        """``app_id`` is part of the names of internal topics."""
        self.application_id: Final = app_id
        self._context = context
        self.task_id: Final = context.task_id
        self.partition: Final = context.partition
        self.clock: Final[Clock] = context.clock
        self.store: Final = context.any_store
        self.global_store: Final = context.global_store
        self.send: Final = context.send
        self.send_columns: Final = context.send_columns
        self.request_commit: Final = context.request_commit
        self.partition_count: Final = context.partition_count
        self.batch: Batch | None = None

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp the task has seen."""
        return self._context.stream_time_ms

    def topic_name(self, topic: str | InternalTopic) -> str:
        """The full name of a topic of the graph."""
        return topic.topic(self.application_id) if isinstance(topic, InternalTopic) else topic

    def origin(self, order: int) -> tuple[str, int, int]:
        """Topic, partition and offset of the input record in hand with this order."""
        assert self.batch is not None, "no input record is in hand"
        return (*self.batch.source, self.batch.offsets[order])


class GraphProcessor:
    """One graph in one task."""

    def __init__(self, graph: Graph, app_id: str) -> None:
        """Operators are made here, and opened by ``open``."""
        self._app_id = app_id
        sources, self._steps = wire(graph)
        self._push = self._steps.push_deep if is_deep(graph) else self._steps.push
        self._sources: dict[str, Step] = {}
        for source in graph.sources:
            for topic in source.topics:
                name = topic.topic(app_id) if isinstance(topic, InternalTopic) else topic
                self._sources[name] = sources[source.name]
        self._policies = {node.name: node.on_error for node in graph.nodes if node.on_error is not None}
        self._context: GraphContext | None = None

    async def open(self, context: ProcessorContext) -> None:
        """Open every operator."""
        self._context = GraphContext(context, self._app_id)
        self._task = context
        self._steps.open(self._context)

    async def process(self, batch: Batch, start: int, stop: int, *, may_yield: bool) -> int:
        """Send the slice all the way, piece by piece."""
        assert self._context is not None
        self._context.batch = batch
        source = self._sources[batch.source.topic]
        while start < stop:
            if may_yield and self._task.yield_requested:
                break
            end = min(start + PIECE_RECORDS, stop)
            try:
                self._push(source, _rows(batch, start, end))
            except RowFailed as failure:
                raise self._error(failure) from failure.cause
            start = end
        return start

    async def flush(self) -> None:
        """Send on what was held back for the commit."""
        try:
            self._steps.flush()
        except RowFailed as failure:
            raise self._error(failure) from failure.cause

    async def punctuate(self) -> None:
        """Let time pass for every operator."""
        assert self._context is not None
        try:
            self._steps.punctuate(self._context.clock.now_ms())
        except RowFailed as failure:
            raise PunctuationFailed(
                f"step {failure.operator!r} failed as time passed: {failure.cause!r}. No record stands behind "
                "it that an error policy could pass over: mend the timer's function, or have it catch what it can"
            ) from failure.cause

    async def close(self) -> None:
        """Close every operator."""
        self._steps.close()

    def _error(self, failure: RowFailed) -> Exception:
        step, policy = failure.operator, self._policies.get(failure.operator)
        if failure.order >= 0:
            return RecordError(failure.order, failure.cause, step=step, policy=policy)
        return UpdateFailed(step, failure.cause, policy)


def _rows(batch: Batch, start: int, stop: int) -> Rows:
    headers = batch.headers
    return Rows(
        list(batch.keys[start:stop]),
        list(batch.values[start:stop]),
        list(batch.timestamps[start:stop]),
        list(range(start, stop)),
        None if headers is None else [tuple(found) for found in headers[start:stop]],
    )
