"""How partitions change hands.

Owns: ``Handover``: what is given up before a rebalance and what is taken over after it, who is told, and in
which order.
Must not know: requests, why the group rebalances.

Eager members give up everything before they join. Cooperative ones (KIP-429) keep what they have, compare it
with what they are assigned, give up only what is not theirs any more, and then have to join once more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.client.consumer.listener import tell
from streamz_core.client.consumer.partition_state import COMMITTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.client.consumer.group_commits import GroupCommits
    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.model import TopicPartition

_log = logging.getLogger(__name__)


class Handover:
    """Moves partitions in and out of one consumer's subscription."""

    def __init__(
        self,
        subscription: Subscription,
        commits: GroupCommits,
        *,
        commits_first: bool,
        on_error: Callable[[Exception], None],
    ) -> None:
        """``commits_first``: whether what the program has finished is committed before it is given up."""
        self._subscription = subscription
        self._commits = commits
        self._commits_first = commits_first
        self._on_error = on_error

    async def revoke(self, partitions: set[TopicPartition]) -> None:
        """Give ``partitions`` up while they are still ours: what is finished can be committed."""
        if not partitions:
            return
        self._subscription.withhold(partitions)
        if self._commits_first:
            await self._commits.commit_finished(partitions)
        await self._tell("on_partitions_revoked", partitions)
        self._subscription.drop(partitions)

    async def lose(self, partitions: set[TopicPartition]) -> None:
        """Let go of ``partitions``, which others may own already."""
        if not partitions:
            return
        self._subscription.withhold(partitions)
        await self._tell("on_partitions_lost", partitions)
        self._subscription.drop(partitions)

    async def take_over(self, partitions: set[TopicPartition]) -> None:
        """Own exactly ``partitions`` from now on; those owned before keep their positions.

        The new ones are withheld until the caller releases them.
        """
        added = partitions - self._subscription.partitions()
        # The listener may seek: nothing of them is handed out until it has.
        self._subscription.assign(partitions, COMMITTED, withheld=added)
        await self._tell("on_partitions_assigned", added)

    async def _tell(self, method: str, partitions: set[TopicPartition]) -> None:
        try:
            await tell(self._subscription.listener, method, set(partitions))
        except Exception as error:  # noqa: BLE001
            # The program's own code: whatever it raises goes to the program, at its next call for
            # records; the membership must not die of it in silence.
            _log.error("the rebalance listener failed in %s: %r", method, error)
            self._on_error(error)
