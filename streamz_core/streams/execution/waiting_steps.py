"""``WaitingSteps``: the steps of a graph of which some wait.

Owns: which operator gets which rows, in which order, as ``Steps`` does; and waiting in between.
Must not know: what is waited for, tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.execution.steps import FIRST_HELD_ORDER, Steps
from streamz_core.streams.operators.waiting import WaitingOperator

if TYPE_CHECKING:
    from streamz_core.streams.execution.steps import Step
    from streamz_core.streams.rows import Rows


class WaitingSteps:
    """The same steps, run by ``await``: a piece has passed one step, waiting included, before the next one's turn."""

    def __init__(self, steps: Steps) -> None:
        """``steps`` opens and closes them."""
        self._sources = steps.sources
        self._steps = steps.steps
        self._deep = steps.deep
        self._held_order = 0

    async def push(self, rows: list[tuple[int, Rows]]) -> None:
        """As ``Steps.push``."""
        for source, of_source in rows:
            if self._deep[source]:
                await self._go_deep(self._sources[source], of_source)
            else:
                self._sources[source].deliver(of_source)
        for step in self._steps:
            await self._catch_up(step)

    async def flush(self) -> None:
        """As ``Steps.flush``."""
        self._held_order = FIRST_HELD_ORDER
        for step in self._steps:
            assert step.operator is not None
            await self._catch_up(step)
            await self._send_held(step, step.operator.flush())

    async def punctuate(self, now_ms: int) -> None:
        """As ``Steps.punctuate``."""
        self._held_order = FIRST_HELD_ORDER
        for step in self._steps:
            assert step.operator is not None
            await self._catch_up(step)
            await self._send_held(step, step.operator.punctuate(now_ms))

    async def _catch_up(self, step: Step) -> None:
        if step.is_waited_for:
            made = await _run(step)
            if made is not None and len(made):
                step.deliver(made)

    async def _send_held(self, step: Step, held: Rows | None) -> None:
        if held is None or not len(held):
            return
        first = self._held_order
        self._held_order += len(held)
        held.orders = [first + index for index in range(len(held))]
        if any(self._deep):
            await self._go_deep(step, held)
        else:
            step.deliver(held)

    async def _go_deep(self, giver: Step, rows: Rows) -> None:
        for index in range(len(rows)):
            row = rows if len(rows) == 1 else rows.pick([index])
            for target in giver.targets:
                if giver.hand(target, row):
                    made = await _run(target.step)
                    if made is not None and len(made):
                        await self._go_deep(target.step, made)


async def _run(step: Step) -> Rows | None:
    operator = step.operator
    if not isinstance(operator, WaitingOperator):
        return step.run()
    (rows,) = step.take_waiting()
    assert rows is not None, "a step that waits has one input"
    return await operator.process_waiting(rows)
