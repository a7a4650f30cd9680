"""Fetching from several brokers at once.

Owns: ``Fetching``: a part for each leader, the answers as they come, and keeping what came too late for the next call.
Must not know: connections, who leads what.

The first broker with records ends the wait. The others go on waiting, and are not asked again for the same offsets:
their answers are given to the next call that asks for them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from streamz_core.client.tcp.routes import Part, together
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.fetch import FetchResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.protocol.messages.fetch import FetchRequest

KEPT_MAX = 64
"""Fetches that were called off and not asked for again: beyond so many the oldest are given up."""


class Asking(Protocol):
    """The cluster."""

    async def part(self, node_id: int | None, request: Any) -> Any:
        """The answer of one node."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A fetch that one broker has; ``offsets`` by partition is what was asked for."""

    node_id: Any
    offsets: dict[tuple[str, int], int]
    task: asyncio.Task[FetchResponse]


class Fetching:
    """The fetches of one link."""

    def __init__(self, cluster: Asking) -> None:
        self._cluster = cluster
        self._kept: list[_UnderWay] = []

    @property
    def is_busy(self) -> bool:
        """Whether answers are to come that nobody has asked for again."""
        return bool(self._kept)

    async def fetch(self, request: FetchRequest, parts: Sequence[Part]) -> FetchResponse:
        """The answers that are there once one has news, or all have answered that there is none."""
        under_way = [self._begun(node_id, part, may_wait=request.max_wait_ms > 0) for node_id, part in parts]
        waited_for = [one for one in under_way if one is not None]
        answers: list[FetchResponse] = []
        try:
            pending = {one.task for one in waited_for}
            while pending and not any(has_news(answer) for answer in answers):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                answers += [task.result() for task in done]
        finally:
            self._keep(one for one in waited_for if not one.task.done())
        return together(request, answers) if answers else FetchResponse(responses=[])

    def close(self) -> None:
        """Give up everything."""
        for one in self._kept:
            one.task.cancel()
        self._kept.clear()

    def _begun(self, node_id: Any, part: FetchRequest, *, may_wait: bool) -> _UnderWay | None:
        """The fetch that is under way for these offsets, or a new one; None for one that waits still and is not to."""
        offsets = {
            (topic.topic, one.partition): one.fetch_offset
            for topic in part.topics
            for one in topic.partitions
        }
        for kept in self._kept:
            if kept.node_id == node_id and kept.offsets.items() <= offsets.items():
                if not kept.task.done() and not may_wait:
                    return None
                self._kept.remove(kept)
                return kept
        task = asyncio.get_running_loop().create_task(
            self._cluster.part(node_id, part), name=f"fetch from {node_id}"
        )
        return _UnderWay(node_id, offsets, task)

    def _keep(self, ones: Any) -> None:
        self._kept.extend(ones)
        while len(self._kept) > KEPT_MAX:
            self._kept.pop(0).task.cancel()


def has_news(answer: FetchResponse) -> bool:
    """Whether there is anything that is worth an answer."""
    return answer.error_code != ErrorCode.NONE or any(
        len(found.records) > 0 or found.error_code != ErrorCode.NONE
        for topic in answer.responses
        for found in topic.partitions
    )
