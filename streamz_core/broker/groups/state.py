"""What a group is, as values.

Owns: the five states of the classic group protocol, members, groups, and the rules that bound them.
Must not know: requests, responses, files, clocks, the event loop. Nothing here changes in place: a
decision answers with a new ``Group``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

import msgspec


class GroupState(Enum):
    """Kafka's names, as DescribeGroups shows them."""

    EMPTY = "Empty"
    """No members; committed offsets may be there."""
    PREPARING_REBALANCE = "PreparingRebalance"
    """Waiting until every member has joined the next generation."""
    COMPLETING_REBALANCE = "CompletingRebalance"
    """Waiting for the leader's assignment, and until it is stored."""
    STABLE = "Stable"
    """Every member may take its assignment."""
    DEAD = "Dead"
    """Deleted; whoever still holds it must look the group up again."""


LEGAL_PREDECESSORS: Final[Mapping[GroupState, frozenset[GroupState]]] = {
    GroupState.EMPTY: frozenset({GroupState.PREPARING_REBALANCE}),
    GroupState.PREPARING_REBALANCE: frozenset(
        {GroupState.EMPTY, GroupState.COMPLETING_REBALANCE, GroupState.STABLE}
    ),
    GroupState.COMPLETING_REBALANCE: frozenset({GroupState.PREPARING_REBALANCE}),
    GroupState.STABLE: frozenset({GroupState.COMPLETING_REBALANCE}),
    GroupState.DEAD: frozenset({GroupState.EMPTY}),
}
"""From which states each state may be entered; every move asserts it."""


Protocols = tuple[tuple[str, bytes], ...]
"""Assignors a member can follow, most wanted first, each with its encoded subscription."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds a broker sets for all its groups."""

    initial_rebalance_delay_ms: int = 0
    """How long the first member of an empty group waits for others."""
    session_timeout_min_ms: int = 1
    session_timeout_max_ms: int = 1_800_000


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member. Times are milliseconds."""

    member_id: str
    group_instance_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    """Empty for a member inside the broker's own process, which dies with it."""
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocols: Protocols
    assignment: bytes = b""
    has_joined: bool = False
    """Waits for the rebalance under way to complete."""
    has_synced: bool = False
    """Has asked for its assignment of this generation."""

    def subscription(self, protocol_name: str | None) -> bytes:
        """What the member sent for one protocol; empty if it does not know that protocol."""
        for name, metadata in self.protocols:
            if name == protocol_name:
                return metadata
        return b""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One group at one moment."""

    group_id: str
    state: GroupState = GroupState.EMPTY
    generation_id: int = 0
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str | None = None
    members: Mapping[str, Member] = {}
    """By member id, in the order in which they came."""
    pending_ids: frozenset[str] = frozenset()
    """Member ids handed out (KIP-394) whose owners have not joined yet."""
    state_since_ms: int = -1
    """Wall clock of the last change of state: what offset retention counts from."""
    is_assigned: bool = False
    """The leader has handed in the assignment of this generation; it is being stored, or is."""
    is_gathering: bool = False
    """Within the initial delay: the first members wait for others."""
    has_grown: bool = False
    """A member came while gathering: the delay is prolonged once more."""
    gathering_left_ms: int = 0
    """By how much the initial delay may still be prolonged."""

    @property
    def empty_since_ms(self) -> int | None:
        """Wall clock of when the last member went; None while there are members."""
        return self.state_since_ms if self.state is GroupState.EMPTY else None

    def static_member(self, group_instance_id: str) -> Member | None:
        """The member that holds a static identity (KIP-345)."""
        for member in self.members.values():
            if member.group_instance_id == group_instance_id:
                return member
        return None

    def with_member(self, member: Member) -> Group:
        """The group with this member added, or put in place of the one with its id."""
        return change(self, members={**self.members, member.member_id: member})

    def without_members(self, member_ids: Iterable[str]) -> Group:
        """The group without these members; a leader who goes leaves the leadership open."""
        gone = frozenset(member_ids)
        leader = None if self.leader in gone else self.leader
        kept = {member_id: m for member_id, m in self.members.items() if member_id not in gone}
        return change(self, members=kept, leader=leader)

    @property
    def longest_rebalance_timeout_ms(self) -> int:
        """How long a rebalance may wait for its slowest member."""
        return max((m.rebalance_timeout_ms for m in self.members.values()), default=0)


def change(group: Group, **changes: Any) -> Group:
    """A copy with some fields replaced."""
    return msgspec.structs.replace(group, **changes)


def move(group: Group, state: GroupState, now_ms: int, **changes: Any) -> Group:
    """The group in another state; a move the protocol does not know is a bug here and asserts."""
    assert group.state in LEGAL_PREDECESSORS[state], (
        f"group {group.group_id!r}: {group.state} -> {state} is no transition of the group protocol"
    )
    return change(group, state=state, state_since_ms=now_ms, **changes)
