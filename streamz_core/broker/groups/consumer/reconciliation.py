"""How a member gets from what it has to its target, one heartbeat at a time.

Owns: the transitions of a member's state, as a table over values.
Must not know: who else is in the group, beyond which partitions others hold; requests.

A partition goes from one member to another in two steps: the first is told to give it up and confirms that it did;
only then is the other told to have it. Meanwhile the first stays in its epoch, so that it can still commit.

Who joins, in epoch 0, has nothing to give up: it says so. What it held before stays its own until its target is known.

Source: KIP-848, "Reconciliation"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from streamz_core.broker.groups.consumer.state import (
    NONE,
    ConsumerMember,
    MemberState,
    Partitions,
    change_member,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import JOINING_EPOCH

HeldByOthers = Callable[[], Partitions]


def reconcile(
    member: ConsumerMember,
    target: Partitions,
    target_epoch: int,
    owned: Partitions | None,
    held_by_others: HeldByOthers,
) -> ConsumerMember:
    """The member after a heartbeat in which it says that it has ``owned`` (None: it does not say)."""
    return _TRANSITIONS[member.state](member, target, target_epoch, owned, held_by_others)


def _from_stable(
    member: ConsumerMember,
    target: Partitions,
    target_epoch: int,
    owned: Partitions | None,
    held_by_others: HeldByOthers,
) -> ConsumerMember:
    if member.epoch == target_epoch:
        return member
    return _next(member, target, target_epoch, owned, held_by_others)


def _from_unrevoked(
    member: ConsumerMember,
    target: Partitions,
    target_epoch: int,
    owned: Partitions | None,
    held_by_others: HeldByOthers,
) -> ConsumerMember:
    if owned is None or not owned.isdisjoint(member.revoking):
        return member
    return _next(change_member(member, revoking=NONE), target, target_epoch, owned, held_by_others)


def _next(
    member: ConsumerMember,
    target: Partitions,
    target_epoch: int,
    owned: Partitions | None,
    held_by_others: HeldByOthers,
) -> ConsumerMember:
    """The next step towards the target: give up first, then take what is free, then wait for the rest."""
    kept = member.assigned & target
    revoking = member.assigned - target
    if revoking and member.epoch != JOINING_EPOCH:
        # Even where it does not own them: what it was told it may just be about to take.
        return _moved(member, member.epoch, MemberState.UNREVOKED_PARTITIONS, kept, revoking)
    wanted = target - kept
    unreleased = wanted & held_by_others() if wanted else NONE
    state = MemberState.UNRELEASED_PARTITIONS if unreleased else MemberState.STABLE
    return _moved(member, target_epoch, state, kept | (wanted - unreleased), NONE)


def _moved(
    member: ConsumerMember, epoch: int, state: MemberState, assigned: Partitions, revoking: Partitions
) -> ConsumerMember:
    if (member.epoch, member.state, member.assigned, member.revoking) == (epoch, state, assigned, revoking):
        return member
    return change_member(
        member, epoch=epoch, previous_epoch=member.epoch, state=state, assigned=assigned, revoking=revoking
    )


_Transition = Callable[[ConsumerMember, Partitions, int, "Partitions | None", HeldByOthers], ConsumerMember]
_TRANSITIONS: Final[Mapping[MemberState, _Transition]] = {
    MemberState.STABLE: _from_stable,
    MemberState.UNREVOKED_PARTITIONS: _from_unrevoked,
    MemberState.UNRELEASED_PARTITIONS: _next,
}
"""
| state | heartbeat | becomes |
|---|---|---|
| STABLE | in the target's epoch | STABLE |
| STABLE, UNRELEASED | has to give partitions up | UNREVOKED, in its own epoch |
| STABLE, UNRELEASED | joins, or gives nothing up; others hold some of its target | UNRELEASED, in the target's epoch |
| STABLE, UNRELEASED | joins, or gives nothing up; all of its target is free | STABLE, in the target's epoch |
| UNREVOKED | still owns some of it, or does not say | UNREVOKED |
| UNREVOKED | has given it up | as from STABLE |
"""
