"""One group of the consumer protocol as it lives in the broker: carries out what is decided.

Owns: the group's present value, its sessions and rebalance timeouts, its offsets.
Must not know: how is decided (``membership``), which other groups there are.

A member is told what it is to have when the records that say so are durable: after a crash nobody holds a partition
that the broker does not know of. A heartbeat that changes nothing writes nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep
from streamz_core.broker.groups.consumer import membership, records
from streamz_core.broker.groups.consumer.heartbeats import Refused
from streamz_core.broker.groups.consumer.state import ConsumerGroup, MemberState, change_group
from streamz_core.broker.groups.consumer.targets import refreshed, retargeted
from streamz_core.broker.groups.consumer.visible_topics import VisibleTopics
from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.groups.sessions import Sessions
from streamz_core.broker.log_failures import LOG_FAILURES, code_of
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.consumer_group_heartbeat import JOINING_EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.broker.groups.consumer.heartbeats import Heartbeat
    from streamz_core.broker.groups.consumer.membership import Step
    from streamz_core.broker.groups.consumer.state import ConsumerRules
    from streamz_core.broker.groups.consumer.topics import Topics
    from streamz_core.broker.groups.consumer.visible_topics import MayDescribe
    from streamz_core.broker.groups.offsets_log import OffsetsLog
    from streamz_core.broker.services import BrokerServices

_log = logging.getLogger(__name__)


class LiveConsumerGroup:
    """The shell around a ``ConsumerGroup`` value; everything here runs on the broker's event loop."""

    def __init__(
        self,
        services: BrokerServices,
        offsets_log: OffsetsLog,
        rules: ConsumerRules,
        group: ConsumerGroup,
        on_dead: Callable[[LiveConsumerGroup], None],
        on_changed: Callable[[LiveConsumerGroup], None],
    ) -> None:
        """``on_dead`` is called once, when the group is deleted; ``on_changed`` when members may have gone."""
        self.group = group
        self.offsets = GroupOffsets()
        self._services = services
        self._offsets_log = offsets_log
        self._rules = rules
        self._on_dead = on_dead
        self._on_changed = on_changed
        self._sessions = Sessions(services.clock, self._session_expired)
        self._rebalances = Sessions(services.clock, self._rebalance_timed_out)
        self._seen: Topics | None = None
        self._filters: dict[str, MayDescribe | None] = {}
        """Which topics each member that was heard of may know of."""
        self._read: dict[str, frozenset[str]] = {}
        """What the regular expressions of those meant when last looked at."""
        self._written_end: int | None = None
        self._is_stopped = False

    def resume(self) -> None:
        """Take up a group read back from the log: its members have a session to be heard of again."""
        for member in self.group.members.values():
            self.heard_of(member.member_id)
            if member.state is MemberState.UNREVOKED_PARTITIONS:
                self._rebalances.extend(member.member_id, member.rebalance_timeout_ms)

    def stop(self) -> None:
        """The broker closes: nothing fires any more."""
        self._is_stopped = True
        self._sessions.stop()
        self._rebalances.stop()

    def hand_over(self) -> None:
        """The group goes on with another protocol; nobody waits here."""
        self.stop()

    def heard_of(self, member_id: str) -> None:
        """A commit proves that the member lives, like a heartbeat."""
        member = self.group.members.get(member_id)
        if member is not None:
            classic = member.classic
            timeout_ms = self._rules.session_timeout_ms if classic is None else classic.session_timeout_ms
            self._sessions.extend(member_id, timeout_ms)

    @property
    def is_stopped(self) -> bool:
        """Whether the group goes on elsewhere, or nowhere."""
        return self._is_stopped

    def await_rejoin(self, member_id: str) -> None:
        """A classic member was asked to join again: it has its rebalance timeout for that."""
        if member_id not in self._rebalances:
            self._rebalances.extend(member_id, self.group.members[member_id].rebalance_timeout_ms)

    async def wait(self, max_wait_ms: float) -> None:
        """Let a heartbeat that may wait do so, as long as there is between two heartbeats at most."""
        await sleep(self._services.clock, min(max_wait_ms, self._rules.heartbeat_interval_ms))

    def refresh(self, topics: Topics) -> None:
        """Let the group have a target of the topics as they are now. Raises nothing: the next heartbeat tries again."""
        if self._is_stopped or (topics is self._seen and self.group.target_epoch == self.group.epoch):
            return
        try:
            seen = VisibleTopics(topics, self.group, self._filters)
            self._become(retargeted(refreshed(self.group, seen), seen))
            self._remember_read(topics)
            self._seen = topics
        except LOG_FAILURES as failure:
            _log.error("group %r keeps its target: %s", self.group.group_id, failure)

    async def beat(self, heartbeat: Heartbeat, topics: Topics) -> Step | Refused:
        """Take a heartbeat; answered when what it changed is durable."""
        if self._is_stopped:
            return Refused(ErrorCode.COORDINATOR_NOT_AVAILABLE, "the broker closes, or the group has turned")
        now_ms = self._services.clock.now_ms()
        if heartbeat.epoch < JOINING_EPOCH:
            step = membership.leave(self.group, heartbeat, now_ms)
        else:
            step = self._take(heartbeat, topics, now_ms)
        if isinstance(step, Refused):
            return step
        before = self.group
        try:
            self._become(step.group)
            if heartbeat.epoch >= JOINING_EPOCH:
                self._hear(heartbeat, topics, has_changed=step.group is not before)
                self._follow(heartbeat.member_id)
            await self._settle()
        except LOG_FAILURES as failure:
            return Refused(code_of(failure), str(failure))
        self._on_changed(self)
        return step

    def _take(self, heartbeat: Heartbeat, topics: Topics, now_ms: int) -> Step | Refused:
        """What becomes of the group; nothing is changed yet."""
        reads_anew = self._reads_anew(heartbeat, topics)
        step = None if reads_anew else self._quick(heartbeat, topics)
        if step is not None:
            return step
        seen = self._visible(topics, heartbeat)
        return membership.beat(self.group, heartbeat, seen, now_ms, reads_anew=reads_anew)

    def _reads_anew(self, heartbeat: Heartbeat, topics: Topics) -> bool:
        """Whether a regular expression means something else than it did: its member may know of more now, or less."""
        member = self.group.members.get(heartbeat.member_id)
        if member is None or not member.regex:
            return False
        before = self._read.get(member.member_id)
        if before is None:
            before = VisibleTopics(topics, self.group, {}).read_by_member(member)
        filters = {member.member_id: heartbeat.may_describe}
        return before != VisibleTopics(topics, self.group, filters).read_by_member(member)

    def _visible(self, topics: Topics, heartbeat: Heartbeat) -> VisibleTopics:
        filters = {**self._filters, heartbeat.member_id: heartbeat.may_describe}
        return VisibleTopics(topics, self.group, filters)

    def _hear(self, heartbeat: Heartbeat, topics: Topics, *, has_changed: bool) -> None:
        """Remember what the member may know of, and what expressions mean by that."""
        member_id = heartbeat.member_id
        self._filters[member_id] = heartbeat.may_describe
        is_new = bool(self.group.members[member_id].regex) and member_id not in self._read
        if is_new or (self._read and (has_changed or topics is not self._seen)):
            self._remember_read(topics)
        self._seen = topics

    def _remember_read(self, topics: Topics) -> None:
        seen = VisibleTopics(topics, self.group, self._filters)
        heard_of = (self.group.members.get(member_id) for member_id in self._filters)
        self._read = {m.member_id: seen.read_by_member(m) for m in heard_of if m is not None and m.regex}

    def _quick(self, heartbeat: Heartbeat, topics: Topics) -> Step | None:
        """Nearly every heartbeat is one of a member that has arrived, in a group where nothing has changed."""
        group = self.group
        member = group.members.get(heartbeat.member_id)
        if member is None or topics is not self._seen or group.target_epoch != group.epoch:
            return None
        if member.classic is not None or heartbeat.classic is not None:
            return None
        has_arrived = member.state is MemberState.STABLE and member.epoch == heartbeat.epoch == group.epoch
        says_nothing_new = (heartbeat.topics, heartbeat.regex, heartbeat.assignor) == (None, None, None)
        is_same = heartbeat.instance_id == member.instance_id and heartbeat.rebalance_timeout_ms is None
        if not (has_arrived and says_nothing_new and is_same):
            return None
        return membership.Step(group, member.epoch)

    def lose(self, *member_ids: str) -> None:
        """Members are gone without a word."""
        self._lose(member_ids)
        self._on_changed(self)

    def _lose(self, member_ids: Iterable[str]) -> None:
        after = membership.lose(self.group, member_ids, self._services.clock.now_ms())
        try:
            self._become(after)
        except LOG_FAILURES as failure:
            _log.error("group %r keeps lost members: %s", self.group.group_id, failure)
            for member_id in member_ids:
                self.heard_of(member_id)  # they are missed again, when the disk may be better

    def die(self) -> ErrorCode:
        """The group's records are taken back: it is no more."""
        if self.group.members:
            return ErrorCode.NON_EMPTY_GROUP
        self.group = change_group(self.group, is_dead=True)
        self._on_dead(self)
        return ErrorCode.NONE

    def removal_keys(self) -> list[bytes]:
        """The keys of all records of the group but its offsets."""
        return [records.key_bytes(key) for key in records.removal(self.group)]

    @property
    def is_unused(self) -> bool:
        """Whether nothing of the group would be missed but its offsets."""
        return self.group.epoch == 0

    @property
    def is_awaited(self) -> bool:
        """Whether somebody is about to join it."""
        return False

    def _become(self, after: ConsumerGroup) -> None:
        """Write what makes the group ``after``, and let it be that. Raises what ``PartitionLog.append`` raises."""
        before = self.group
        if after is before:
            return
        changes = records.changes(before, after)
        if changes:
            last = self._offsets_log.write_records(
                after.group_id, {records.key_bytes(key): value for key, value in changes.items()}
            )
            self._written_end = last + 1
        self.group = after
        for member_id in before.members.keys() - after.members.keys():
            self._sessions.end(member_id)
            self._rebalances.end(member_id)
            self._filters.pop(member_id, None)
            self._read.pop(member_id, None)

    def _follow(self, member_id: str) -> None:
        """The member lives; it has its rebalance timeout for what it is to give up."""
        member = self.group.members[member_id]
        self.heard_of(member_id)
        if member.state is not MemberState.UNREVOKED_PARTITIONS:
            self._rebalances.end(member_id)
        elif member_id not in self._rebalances:
            self._rebalances.extend(member_id, member.rebalance_timeout_ms)

    async def _settle(self) -> None:
        """Wait until all that was written of the group is durable."""
        end = self._written_end
        if end is None:
            return
        await self._services.durable(self._offsets_log.partition_log(self.group.group_id), end)
        if self._written_end == end:
            self._written_end = None

    def _session_expired(self, member_id: str) -> None:
        self._miss(member_id, "was not heard of in time")

    def _rebalance_timed_out(self, member_id: str) -> None:
        self._miss(member_id, "did not give its partitions up in time")

    def _miss(self, member_id: str, why: str) -> None:
        if not self._is_stopped:
            _log.info("group %r: member %r %s and is out", self.group.group_id, member_id, why)
            self.lose(member_id)
