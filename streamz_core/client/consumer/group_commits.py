"""Commits of a group member.

Owns: ``GroupCommits``: who commits what, automatic commits, and commits that meet a rebalance.
Must not know: why the group rebalances, requests.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.aio.signal import Signal
from streamz_core.client.consumer.offset_requests import commit_offsets
from streamz_core.client.errors import CommitFailedError, IllegalStateError, KafkaTimeoutError
from streamz_core.errors import StreamzError
from streamz_core.model import OffsetAndMetadata

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamz_core.client.consumer.group_requests import GroupRequests
    from streamz_core.client.consumer.group_settings import GroupSettings
    from streamz_core.client.consumer.partition_state import PartitionState
    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.client.group_metadata import GroupMetadata
    from streamz_core.client.request import Requests
    from streamz_core.model import TopicPartition

_log = logging.getLogger(__name__)


class PartitionsMovedError(CommitFailedError, IllegalStateError):
    """Offsets of partitions that the group has given to others, or is about to: nothing was committed."""


class _Commit:
    """One call of ``commit``, from its beginning to its end."""

    __slots__ = ("is_made", "is_over")

    def __init__(self) -> None:
        self.is_made = False
        self.is_over = Signal(False)


class GroupCommits:
    """Commits in the name of one group member, or of a group that this consumer is no member of."""

    def __init__(
        self,
        requests: Requests,
        group: GroupRequests,
        subscription: Subscription,
        settings: GroupSettings,
        is_joining: Signal[bool],
        *,
        on_refused: Callable[[CommitFailedError], None],
    ) -> None:
        """``is_joining``: whether the member is between two generations. ``on_refused``: the group went on."""
        self._requests = requests
        self._group = group
        self._subscription = subscription
        self._settings = settings
        self._is_joining = is_joining
        self._on_refused = on_refused
        self._newest: dict[TopicPartition, _Commit] = {}

    async def commit_regularly(self) -> None:
        """Commit what the program has finished, every ``auto_commit_interval_ms``."""
        while True:
            await sleep(self._requests.clock, self._settings.auto_commit_interval_ms)
            await self.commit_finished()

    async def commit_finished(self, partitions: Collection[TopicPartition] | None = None) -> None:
        """Commit up to the records the program has in hand, of ``partitions`` or of all that are assigned.

        A failure is logged, the next commit makes up for it.
        """
        offsets = {
            state.topic_partition: OffsetAndMetadata(state.processed, "")
            for state in self._subscription.states()
            if (partitions is None or state.topic_partition in partitions)
            and state.processed is not None
            and state.processed != state.last_committed
        }
        if not offsets:
            return
        try:
            await self.commit(offsets)
        except StreamzError as error:
            _log.warning("automatic commit: %s", error)

    async def commit_positions(self) -> None:
        """Commit the positions of all that is assigned; ``IllegalStateError`` where nothing is."""
        states = self._subscription.states()
        if not states:
            raise self._not_assigned("no partitions are assigned: there is nothing to commit")
        known = {
            state.topic_partition: OffsetAndMetadata(state.position)
            for state in states
            if state.position is not None
        }
        if known:
            await self.commit(known)

    async def commit_owned(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """As ``commit``; ``IllegalStateError`` for a partition that is not assigned."""
        for partition in offsets:
            if self._subscription.find(partition) is None:
                raise self._not_assigned(
                    f"{partition.topic}-{partition.partition} is not assigned to this consumer"
                )
        await self.commit(offsets)

    def _not_assigned(self, what: str) -> IllegalStateError:
        """A rebalance may have taken it between a record and its commit: who handles one handles the other."""
        if not self._subscription.is_automatic:
            return IllegalStateError(what)
        return PartitionsMovedError(
            f"group {self._settings.group_id!r}: {what}; a rebalance may have moved it"
        )

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit ``offsets`` as the member this consumer is, ``CommitFailedError`` where it no longer is."""
        this = _Commit()
        for partition in offsets:
            self._newest[partition] = this
        try:
            await self._commit(this, offsets)
            this.is_made = True
        finally:
            this.is_over.set(True)
        for partition, commit in offsets.items():
            state = self._subscription.find(partition)
            if state is not None:
                state.committed(commit.offset)

    async def _commit(self, this: _Commit, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit; where a rebalance came in between, again if the partitions were ours all the time.

        Members that keep their partitions while they rebalance go on working, and so committing: the new
        generation begins in the broker a moment before this member hears of it. A partition that was given up
        and came back is no such case: another member may have had it meanwhile, and gone further, and where
        this one reads on has been asked for already. Nor is one for which a later call has committed meanwhile: that
        must not be taken back.
        """
        held = {partition: self._subscription.find(partition) for partition in offsets}
        while True:
            identity = self._identity()
            try:
                await commit_offsets(self._requests, identity, offsets)
                return
            except CommitFailedError as error:
                if not self._is_joining.value and self._group.identity == identity:
                    self._on_refused(error)
                    raise
                await self._rebalanced()
                if not (self._group.has_generation and self._are_still(held)):
                    raise
                offsets = await self._not_made_since(this, offsets)
                if not offsets:
                    return

    async def _not_made_since(
        self, this: _Commit, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Those that no later call has committed; what later calls are about to do is waited for."""
        left = dict(offsets)
        for partition in offsets:
            while (later := self._newest[partition]) is not this and not later.is_over.value:
                await later.is_over.wait(True)
            if later is not this and later.is_made:
                del left[partition]
        return left

    def _are_still(self, held: Mapping[TopicPartition, PartitionState | None]) -> bool:
        """Whether these partitions are assigned, and have been since: a new assignment is a new state."""
        find = self._subscription.find
        return all(state is not None and find(partition) is state for partition, state in held.items())

    def _identity(self) -> GroupMetadata:
        if not self._subscription.is_automatic:
            return self._group.outsider
        if self._group.has_generation:
            return self._group.identity
        # Without a generation the broker would take this for a commit from outside the group.
        raise CommitFailedError(
            f"group {self._settings.group_id!r}: this consumer is not a member now; its partitions may "
            "have another owner"
        )

    async def _rebalanced(self) -> None:
        timeout_ms = self._settings.rebalance_timeout_ms
        what = f"the rebalance of group {self._settings.group_id!r}"
        try:
            await wait_for(self._requests.clock, self._is_joining.wait(False), timeout_ms, what=what)
        except TimeoutError as late:
            raise KafkaTimeoutError(f"{late}: nothing was committed") from late
