"""``TaskProcessors``: the processors of one task, run side by side with one cut.

Owns: making, opening and closing them, who reads which source, and that after a slice all readers of
it have handled exactly the same records.
Must not know: input, stores, commits, error policies.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from streamz_core.streams.processor import RecordError, UpdateFailed
from streamz_core.streams.runtime.failures import RecordOrigin

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from streamz_core.streams.batch import Batch
    from streamz_core.streams.processor import AnyProcessor, Processor, ProcessorContext, RoundProcessor
    from streamz_core.streams.round import Round
    from streamz_core.streams.topology import ProcessorSpec, SubTopology

_log = logging.getLogger(__name__)


class ProcessorFailed(Exception):
    """A processor failed on a record of the round in hand, or on several taken together."""

    def __init__(
        self, spec: ProcessorSpec, origin: RecordOrigin, last_offset: int, error: RecordError | UpdateFailed
    ) -> None:
        """The processor of ``spec`` failed on the record at ``origin``, or on those from it to ``last_offset``."""
        self.who = f"processor {spec.name!r}" + ("" if error.step is None else f" (step {error.step!r})")
        super().__init__(f"{self.who} failed: {error.cause!r}")
        self.spec = spec
        self.origin = origin
        self.last_offset = last_offset
        self.cause = error.cause
        self.policy = spec.on_error if error.policy is None else error.policy


class FlushFailed(Exception):
    """A processor failed on what it held back for the commit."""

    def __init__(self, spec: ProcessorSpec, error: UpdateFailed) -> None:
        """``error`` was raised by the processor of ``spec``."""
        super().__init__(f"processor {spec.name!r}: {error}")
        self.spec = spec
        self.error = error

    def blamed_on(self, origin: RecordOrigin) -> ProcessorFailed:
        """The same, now that the record is known that brought it about."""
        return ProcessorFailed(self.spec, origin, origin.offset, self.error)


class TaskProcessors:
    """Fresh processors for a task; after a failure they are closed and made anew."""

    def __init__(self, subtopology: SubTopology) -> None:
        """Nothing is made before ``open``."""
        self._subtopology = subtopology
        self._running: list[tuple[ProcessorSpec, AnyProcessor]] = []
        self._readers: dict[str, list[tuple[ProcessorSpec, AnyProcessor]]] = {}

    async def open(self, context: ProcessorContext) -> None:
        """Make and open one processor per spec."""
        for spec in self._subtopology.processors:
            processor = spec.supplier()
            self._running.append((spec, processor))
            await processor.open(context)
        for source in self._subtopology.sources:
            readers = [row for row in self._running if source.name in row[0].sources]
            for topic in source.topics:
                self._readers[topic] = readers

    async def process(self, round_: Round, batch: Batch | None, *, passing: Container[str] = ()) -> int:
        """Have every reader handle the round, but those called in ``passing``.

        ``batch`` is the round decoded, for those who read batches; a round of several parts has none. Returns
        the place all of them got to, which is less than ``round_.count`` where one yielded or a record does not
        decode. Raises ``ProcessorFailed``.
        """
        readers = self._readers[round_.first[0].topic]
        if passing:
            readers = [row for row in readers if row[0].name not in passing]
        stop = round_.count if batch is None else len(batch)
        if len(readers) == 1:
            return await _process(*readers[0], 0, stop, (round_, batch), may_yield=True)
        if not readers:
            return stop
        done = await _process_all([(*row, 0) for row in readers], stop, (round_, batch), may_yield=True)
        furthest = max(done)
        behind = [(*row, at) for row, at in zip(readers, done, strict=True) if at < furthest]
        if behind:
            await _process_all(behind, furthest, (round_, batch), may_yield=False)
        return furthest

    async def flush(self) -> None:
        """Have every processor send on what it held back for the commit. Raises ``FlushFailed``."""
        for spec, processor in self._running:
            try:
                await processor.flush()
            except UpdateFailed as error:
                raise FlushFailed(spec, error) from error.cause

    async def punctuate(self) -> None:
        """Let every processor do its time-driven work."""
        for _, processor in self._running:
            await processor.punctuate()

    async def close(self) -> None:
        """Close all; one that fails to close does not keep the others from it."""
        running, self._running, self._readers = self._running, [], {}
        for spec, processor in reversed(running):
            try:
                await processor.close()
            except Exception:  # noqa: BLE001 - the interface forbids it; the others must be closed
                _log.exception("processor %s failed to close", spec.name)


async def _process_all(
    readers: Sequence[tuple[ProcessorSpec, AnyProcessor, int]],
    stop: int,
    work: tuple[Round, Batch | None],
    *,
    may_yield: bool,
) -> list[int]:
    # All are waited for, even when one fails: none may be left running over a rewind.
    results = await asyncio.gather(
        *(_process(*reader, stop, work, may_yield=may_yield) for reader in readers), return_exceptions=True
    )
    done: list[int] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done


async def _process(
    spec: ProcessorSpec,
    processor: AnyProcessor,
    start: int,
    stop: int,
    work: tuple[Round, Batch | None],
    *,
    may_yield: bool,
) -> int:
    if start >= stop:
        return stop
    round_, batch = work
    try:
        if spec.takes_rounds:
            taker = cast("RoundProcessor", processor)
            return await taker.process_round(round_, start, stop, may_yield=may_yield)
        assert batch is not None, "batches are read from rounds of one part"
        return await cast("Processor", processor).process(batch, start, stop, may_yield=may_yield)
    except RecordError as error:
        origin = RecordOrigin(*round_.origin(error.index))
        _, last_offset = round_.origin(error.index + error.count - 1)
        raise ProcessorFailed(spec, origin, last_offset, error) from error.cause
