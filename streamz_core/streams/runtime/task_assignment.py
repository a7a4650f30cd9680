"""Who works on which task, and who stands by for it: the decision, over values.

Owns: what members tell of themselves, and sharing tasks out so that few stores have to be restored.
Must not know: groups, topics, requests.

Every member gets as many tasks as the others, of all and of each sub-topology, give or take one. Within that a task
goes to whoever worked on it last, else to the one that stands by and is furthest, else to one that has files of it,
else to who has least to do. Standbys go to members that do not share the owner's files, and not two to the same files.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOWHERE = ""
"""The home of a member with its stores in memory: it cannot stand by."""


class MemberState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a member tells the leader when it joins."""

    home: str = NOWHERE
    """Its state directory, with the name of its machine: members of one home have the same files."""
    generation: int = -1
    """Of the assignment it had last."""
    running: list[str] = []
    """The tasks it had by that."""
    standing_by: dict[str, int] = {}
    """Records of changelogs that are in its standbys, by task."""
    on_disk: list[str] = []
    """Tasks of which it has files, however old."""
    endpoint: str = ""
    """Where other processes can ask this one about its stores, as the app says."""
    patterns: list[str] = []
    """What it reads by pattern: it takes tasks of other topics of those too, once it knows of them."""

    def to_json(self) -> bytes:
        """For the way to the leader."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> MemberState:
        """What ``to_json`` made; a member that tells nothing readable has nothing."""
        try:
            return msgspec.json.decode(data, type=MemberState)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return MemberState()


class Shares(msgspec.Struct, frozen=True):
    """Tasks by member."""

    active: dict[str, list[str]]
    standby: dict[str, list[str]]


def share_out(
    tasks: Mapping[str, Sequence[str]],
    stateful: Iterable[str],
    members: Mapping[str, MemberState],
    standbys: int,
) -> Shares:
    """Share ``tasks``, each with the members that can work on it; ``standbys`` for each ``stateful`` one."""
    owners = _owners(tasks, members)
    active: dict[str, list[str]] = {member: [] for member in sorted(members)}
    for task, owner in sorted(owners.items()):
        active[owner].append(task)
    standby = _standbys(sorted(set(stateful) & owners.keys()), tasks, members, owners, standbys)
    return Shares(active, standby)


def _owners(tasks: Mapping[str, Sequence[str]], members: Mapping[str, MemberState]) -> dict[str, str]:
    """By task, who works on it; a task that no member can work on is left out."""
    owners: dict[str, str] = {}
    totals = dict.fromkeys(sorted(members), 0)
    for _, alike in groupby(sorted(tasks), key=_subtopology):
        found = _owners_of_alike({task: tasks[task] for task in alike}, members, totals)
        for owner in found.values():
            totals[owner] += 1
        owners.update(found)
    return owners


def _subtopology(task: str) -> str:
    """Tasks of one sub-topology cost about the same; those of another may cost far less."""
    return task.rpartition("_")[0]


def _owners_of_alike(
    tasks: Mapping[str, Sequence[str]], members: Mapping[str, MemberState], totals: Mapping[str, int]
) -> dict[str, str]:
    """The same for the tasks of one sub-topology; one more than others get those who have fewest in ``totals``."""
    wishes = [
        (_claim(task, members[member]), task, member) for task, able in tasks.items() for member in able
    ]
    wishes = [wish for wish in wishes if wish[0] > _NO_CLAIM]
    # The best claims first; among equal ones by name, so that the order members came in does not matter.
    wishes.sort(key=lambda wish: (*(-part for part in wish[0]), wish[1], wish[2]))
    owners: dict[str, str] = {}
    counts: dict[str, int] = dict.fromkeys(members, 0)
    least, more = divmod(len(tasks), max(len(members), 1))
    bound = sorted(totals.values())[more - 1] if more else -1
    # Who has fewer than that gets one more; of those who have as many, as many as are left.
    spare = more - sum(1 for total in totals.values() if total < bound)

    def has_room(member: str) -> bool:
        if counts[member] != least:
            return counts[member] < least
        taken = sum(1 for other, count in counts.items() if count > least and totals[other] == bound)
        return totals[member] < bound or (totals[member] == bound and taken < spare)

    for _, task, member in wishes:
        if task not in owners and has_room(member):
            owners[task] = member
            counts[member] += 1
    for task in sorted(tasks.keys() - owners.keys()):
        if tasks[task]:
            owners[task] = min(tasks[task], key=lambda member: (counts[member], totals[member], member))
            counts[owners[task]] += 1
    return owners


Claim = tuple[int, int, int]
_NO_CLAIM: Claim = (-1, -1, 0)


def _claim(task: str, member: MemberState) -> Claim:
    """How good a place for a task a member is: greater is better."""
    return (
        member.generation if task in member.running else -1,
        member.standing_by.get(task, -1),
        int(task in member.on_disk),
    )


def _standbys(
    stateful: Sequence[str],
    tasks: Mapping[str, Sequence[str]],
    members: Mapping[str, MemberState],
    owners: Mapping[str, str],
    wanted: int,
) -> dict[str, list[str]]:
    standby: defaultdict[str, list[str]] = defaultdict(list)
    for task in stateful:
        homes = {NOWHERE, members[owners[task]].home}
        for _ in range(wanted):
            able = [
                member
                for member in tasks[task]
                if member != owners[task] and members[member].home not in homes
            ]
            if not able:
                break
            chosen = min(able, key=lambda member: _burden(task, member, members, owners, standby))
            standby[chosen].append(task)
            homes.add(members[chosen].home)
    return {member: standby[member] for member in sorted(members)}


def _burden(
    task: str,
    member: str,
    members: Mapping[str, MemberState],
    owners: Mapping[str, str],
    standby: Mapping[str, Sequence[str]],
) -> tuple[int, int, int, str]:
    """How little a member is the one to stand by for a task: the least burdened one is asked.

    Copies are where there will be room when their owner goes: the more of a sub-topology a member works on, or
    stands by for in that owner's place, the less. Among equals who stands by already goes on.
    """
    kind, owner = _subtopology(task), owners[task]
    works_on = sum(1 for other, at in owners.items() if at == member and _subtopology(other) == kind)
    copies = sum(1 for other in standby[member] if owners[other] == owner and _subtopology(other) == kind)
    return works_on + copies, -_claim(task, members[member])[1], len(standby[member]), member
