"""``GraphProcessor``: a graph of operators as a task's processor.

Owns: sending rounds through the steps, piece by piece, and saying which record an error belongs to.
Must not know: which operators there are, how tasks choose, commit and go back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Fatal
from streamz_core.streams.execution.pieces import PIECE_RECORDS, Pieces
from streamz_core.streams.execution.plan import kept_apart, wire
from streamz_core.streams.execution.waiting_steps import WaitingSteps
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.operator import RowFailed
from streamz_core.streams.processor import RecordError, UpdateFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.clock import Clock
    from streamz_core.streams.graph import Graph
    from streamz_core.streams.processor import ProcessorContext
    from streamz_core.streams.round import Round


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
        self.round: Round | None = None
        self.is_watching_idle = False
        self._last_input_ms: float = self.clock.monotonic_ms()
        self._idle_ms = 0

    def latest_timestamp_ms(self) -> int:
        """The latest timestamp that is believed now."""
        return self.clock.now_ms() + self._context.timestamp_ahead_max_ms

    def wake_at(self, time_ms: int) -> None:
        """Have ``punctuate`` called at this time of the wall clock."""
        self._context.wake_at(time_ms)

    def watch_idle(self) -> None:
        """Some operator will ask for ``idle_ms``."""
        self.is_watching_idle = True

    def idle_ms(self) -> int:
        """How long there was no input, with all of it read to its end."""
        return self._idle_ms

    def had_input(self, round_: Round) -> None:
        """``round_`` is in hand now."""
        self.round = round_
        if self.is_watching_idle:
            self._last_input_ms = self.clock.monotonic_ms()

    async def measure_idle(self) -> None:
        """Find out how long there was no input, if anybody asks."""
        if self.is_watching_idle:
            idle_ms = round(self.clock.monotonic_ms() - self._last_input_ms)
            self._idle_ms = idle_ms if idle_ms > 0 and await self._context.is_silent(idle_ms) else 0

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp the task has seen."""
        return self._context.stream_time_ms

    @property
    def state_dir(self) -> str:
        """A directory of the task's own for files."""
        return self._context.state_dir

    def app_configs(self) -> Mapping[str, Any]:
        """The app's settings by name, secrets hidden."""
        return self._context.app_configs()

    @property
    def metrics(self) -> Mapping[str, int]:
        """What the task counts, as of now."""
        return self._context.metrics

    def topic_name(self, topic: str | InternalTopic) -> str:
        """The full name of a topic of the graph."""
        return topic.topic(self.application_id) if isinstance(topic, InternalTopic) else topic

    def origin(self, order: int) -> tuple[str, int, int]:
        """Topic, partition and offset of the input record in hand with this order."""
        assert self.round is not None, "no input record is in hand"
        (topic, partition), offset = self.round.origin(order)
        return topic, partition, offset


class SourceNumbers(dict[str, int]):
    """By topic, which source of a graph reads it; topics of patterns are found out as they come."""

    def __init__(self, graph: Graph, app_id: str) -> None:
        """``app_id`` is part of the names of internal topics."""
        super().__init__()
        self._patterns = [(number, source.pattern) for number, source in enumerate(graph.sources)]
        for number, source in enumerate(graph.sources):
            for topic in source.topics:
                self[topic.topic(app_id) if isinstance(topic, InternalTopic) else topic] = number

    def __missing__(self, topic: str) -> int:
        """Of the patterns, a topic matches one: that is made sure of before it is read."""
        for number, pattern in self._patterns:
            if pattern is not None and pattern.matches(topic):
                self[topic] = number
                return number
        raise KeyError(topic)


class GraphProcessor:
    """One graph in one task."""

    def __init__(self, graph: Graph, app_id: str) -> None:
        """Operators are made here, and opened by ``open``."""
        self._app_id = app_id
        self._steps = wire(graph)
        self._waiting = WaitingSteps(self._steps) if any(node.waits for node in graph.nodes) else None
        self._piece_max = min(
            (node.piece_max for node in graph.nodes if node.piece_max), default=PIECE_RECORDS
        )
        self._apart = kept_apart(graph)
        self._sources = SourceNumbers(graph, app_id)
        self._policies = {node.name: node.on_error for node in graph.nodes if node.on_error is not None}
        self._context: GraphContext | None = None

    async def open(self, context: ProcessorContext) -> None:
        """Open every operator."""
        self._context = GraphContext(context, self._app_id)
        self._task = context
        self._steps.open(self._context)

    async def process_round(self, round_: Round, start: int, stop: int, *, may_yield: bool) -> int:
        """Send the records all the way, piece by piece."""
        assert self._context is not None
        self._context.had_input(round_)
        sources = [self._sources[part.source.topic] for part in round_.parts]
        pieces = Pieces(round_, sources, self._apart, start, stop, self._piece_max)
        while pieces.has_more and not (may_yield and self._task.commit_request.is_pending):
            try:
                if self._waiting is None:
                    self._steps.push(pieces.take())
                else:
                    await self._waiting.push(pieces.take())
            except RowFailed as failure:
                raise self._error(failure) from failure.cause
        return pieces.next

    async def flush(self) -> None:
        """Send on what was held back for the commit."""
        try:
            if self._waiting is None:
                self._steps.flush()
            else:
                await self._waiting.flush()
        except RowFailed as failure:
            raise self._error(failure) from failure.cause

    async def punctuate(self) -> None:
        """Let time pass for every operator."""
        assert self._context is not None
        await self._context.measure_idle()
        try:
            if self._waiting is None:
                self._steps.punctuate(self._context.clock.now_ms())
            else:
                await self._waiting.punctuate(self._context.clock.now_ms())
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
