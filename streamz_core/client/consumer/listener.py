"""Being told which partitions come and go.

Owns: ``ConsumerRebalanceListener`` and how its methods are called.
Must not know: why partitions move.
"""

from __future__ import annotations

import abc
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from streamz_core.model import TopicPartition


class ConsumerRebalanceListener(abc.ABC):
    """Told about changes of a group member's assignment; methods may be plain or ``async``.

    What a method raises is raised by the consumer's next ``get*`` call.
    """

    @abc.abstractmethod
    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> Awaitable[None] | None:
        """Before a rebalance, while the partitions are still owned: the place to commit."""

    @abc.abstractmethod
    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> Awaitable[None] | None:
        """After a rebalance, before records of the partitions are handed out: the place to seek."""

    def on_partitions_lost(self, lost: set[TopicPartition]) -> Awaitable[None] | None:
        """The partitions are owned by others already, so nothing can be committed.

        Unless overridden, ``on_partitions_revoked`` is called; aiokafka never tells the two apart.
        """
        return self.on_partitions_revoked(lost)


async def tell(listener: Any, method: str, partitions: set[TopicPartition]) -> None:
    """Call ``method`` of a listener, which may be any object with aiokafka's two methods."""
    if listener is None:
        return
    function = getattr(listener, method, None)
    if function is None and method == "on_partitions_lost":
        function = listener.on_partitions_revoked
    if function is None:
        return
    answer = function(partitions)
    if inspect.isawaitable(answer):
        await answer
