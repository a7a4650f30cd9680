"""What a group of the consumer protocol is, as values.

Owns: members, their states and epochs, groups and theirs, and the rules that bound them.
Must not know: requests, responses, files, clocks, the event loop. Nothing here changes in place.

Source: KIP-848
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, IntEnum
from typing import Any, Final, NamedTuple

import msgspec

AWAY_EPOCH: Final = -2
"""The epoch of a static member that left and may come back within its session."""


class TopicIdPartition(NamedTuple):
    """One partition; the id as its 16 bytes, which are compared and hashed far faster than a ``UUID``."""

    topic_id: bytes
    partition: int


Partitions = frozenset[TopicIdPartition]
NONE: Final[Partitions] = frozenset()


class MemberState(IntEnum):
    """Where a member is on its way to its target; the numbers are those of Kafka's records."""

    STABLE = 1
    """It has what it was last told to have."""
    UNREVOKED_PARTITIONS = 2
    """It was told to give partitions up and has not confirmed that it did: it stays in its epoch."""
    UNRELEASED_PARTITIONS = 3
    """It is in the target's epoch, and waits for partitions that others have not given up yet."""


class ConsumerGroupState(Enum):
    """Kafka's names, as ConsumerGroupDescribe shows them."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    """Members or topics have changed since the target was made."""
    RECONCILING = "Reconciling"
    """Not every member has reached the target."""
    STABLE = "Stable"
    DEAD = "Dead"


class ConsumerRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker says to all its groups. Times are milliseconds."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 1_000


class ClassicProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a member that speaks the classic protocol."""

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]
    """Assignors it can follow, most wanted first, each with its encoded subscription."""


class ConsumerMember(msgspec.Struct, frozen=True, kw_only=True):
    """One member. Times are milliseconds."""

    member_id: str
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    """Empty for a member inside the broker's own process, which dies with it."""
    rebalance_timeout_ms: int = -1
    topics: frozenset[str] = frozenset()
    """Those it subscribes to by name."""
    regex: str | None = None
    """Those it subscribes to by regular expression."""
    assignor: str | None = None
    """The one it would like."""
    classic: ClassicProtocol | None = None
    """None for one that speaks the consumer protocol."""
    epoch: int = 0
    previous_epoch: int = 0
    state: MemberState = MemberState.STABLE
    assigned: Partitions = NONE
    """What it was told to have."""
    revoking: Partitions = NONE
    """What it was told to give up and has not confirmed; nobody else may have it meanwhile."""

    @property
    def held(self) -> Partitions:
        """What nobody else may have."""
        return self.assigned | self.revoking if self.revoking else self.assigned

    def subscribes_as(self, other: ConsumerMember) -> bool:
        """Whether both ask for the same."""
        return (self.topics, self.regex, self.assignor) == (other.topics, other.regex, other.assignor)


class ConsumerGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One group at one moment."""

    group_id: str
    epoch: int = 0
    """Grows with every change of members, subscriptions and topics."""
    members: Mapping[str, ConsumerMember] = {}
    """By member id, in the order in which they came."""
    target_epoch: int = 0
    """The group's epoch when the target was made."""
    target: Mapping[str, Partitions] = {}
    """What each member is to have in the end, by member id."""
    subscribed: Mapping[str, tuple[bytes, int]] = {}
    """The topics that members subscribe to, as they were when last looked at: id and number of partitions."""
    changed_ms: int = -1
    """Wall clock of the last change of members: what offset retention counts from once the group is empty."""
    is_dead: bool = False

    @property
    def state(self) -> ConsumerGroupState:
        """Where the group is."""
        if self.is_dead:
            return ConsumerGroupState.DEAD
        if not self.members:
            return ConsumerGroupState.EMPTY
        if self.epoch > self.target_epoch:
            return ConsumerGroupState.ASSIGNING
        arrived = all(
            m.state is MemberState.STABLE and m.epoch == self.target_epoch for m in self.members.values()
        )
        return ConsumerGroupState.STABLE if arrived else ConsumerGroupState.RECONCILING

    @property
    def empty_since_ms(self) -> int | None:
        """Wall clock of when the last member went; None while there are members."""
        return None if self.members or self.is_dead else self.changed_ms

    def static_member(self, instance_id: str) -> ConsumerMember | None:
        """The member that holds a static identity (KIP-345)."""
        return next((m for m in self.members.values() if m.instance_id == instance_id), None)

    def held_by_others(self, member_id: str) -> Partitions:
        """What this member may not have yet."""
        return NONE.union(*(m.held for m in self.members.values() if m.member_id != member_id))

    def with_member(self, member: ConsumerMember) -> ConsumerGroup:
        """The group with this member added, or put in place of the one with its id."""
        return change_group(self, members={**self.members, member.member_id: member})

    def without_members(self, member_ids: Iterable[str], now_ms: int) -> ConsumerGroup:
        """The group without these members, in its next epoch."""
        gone = frozenset(member_ids)
        return change_group(
            self,
            epoch=self.epoch + 1,
            members={member_id: m for member_id, m in self.members.items() if member_id not in gone},
            target={member_id: p for member_id, p in self.target.items() if member_id not in gone},
            changed_ms=now_ms,
        )


def change_group(group: ConsumerGroup, **changes: Any) -> ConsumerGroup:
    """A copy with some fields replaced."""
    return msgspec.structs.replace(group, **changes)


def change_member(member: ConsumerMember, **changes: Any) -> ConsumerMember:
    """A copy with some fields replaced."""
    return msgspec.structs.replace(member, **changes)
