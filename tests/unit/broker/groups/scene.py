"""A group without a broker: events in, decisions kept, for tests of the group protocol."""

from __future__ import annotations

from typing import Any

from streamz_core.broker.groups.events import Event, Heartbeat, Join, Leave, Reply, Stored, Sync
from streamz_core.broker.groups.state import Group, GroupState, Rules
from streamz_core.broker.groups.transitions import decide
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.leave_group import MemberIdentity

NOW = 1_000
RULES = Rules()
RANGE = (("range", b"topics"),)


def join(new_member_id: str = "", **changes: Any) -> Join:
    fields: dict[str, Any] = {
        "member_id": "",
        "group_instance_id": None,
        "new_member_id": new_member_id,
        "requires_known_member_id": False,
        "client_id": "c",
        "client_host": "",
        "session_timeout_ms": 10_000,
        "rebalance_timeout_ms": 60_000,
        "protocol_type": "consumer",
        "protocols": RANGE,
    }
    return Join(**{**fields, **changes})


def sync(member_id: str, generation_id: int, **changes: Any) -> Sync:
    fields: dict[str, Any] = {
        "generation_id": generation_id,
        "member_id": member_id,
        "group_instance_id": None,
        "protocol_type": None,
        "protocol_name": None,
        "assignments": {},
    }
    return Sync(**{**fields, **changes})


def beat(member_id: str, generation_id: int, group_instance_id: str | None = None) -> Heartbeat:
    return Heartbeat(generation_id=generation_id, member_id=member_id, group_instance_id=group_instance_id)


def leave(*member_ids: str) -> Leave:
    return Leave(members=tuple(MemberIdentity(member_id=member_id) for member_id in member_ids))


class Scene:
    """A group and everything its decisions asked for, in order."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.group = Group(group_id="g")
        self.rules = rules
        self.effects: list[Any] = []

    def do(self, event: Event) -> list[Any]:
        self.group, self.effects = decide(self.group, event, NOW, self.rules)
        return self.effects

    def reply(self, event: Event) -> Any:
        (reply,) = [e.response for e in self.do(event) if isinstance(e, Reply)]
        return reply

    def answers(self, kind: type) -> dict[str, Any]:
        return {e.member_id: e.response for e in self.effects if isinstance(e, kind)}

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.effects if isinstance(e, kind)]


def stable(*member_ids: str, rules: Rules = RULES) -> Scene:
    """A stable group of these members; the first one leads."""
    scene = Scene(rules)
    for member_id in member_ids:
        scene.do(join(member_id))
        for other in list(scene.group.members.values()):
            if not other.has_joined and scene.group.state is GroupState.PREPARING_REBALANCE:
                scene.do(join(member_id=other.member_id))
    generation_id = scene.group.generation_id
    for member_id in member_ids[1:]:
        scene.do(sync(member_id, generation_id))
    assignments = {member_id: member_id.encode() for member_id in member_ids}
    scene.do(sync(member_ids[0], generation_id, assignments=assignments))
    scene.do(Stored(generation_id=generation_id, error_code=ErrorCode.NONE))
    assert scene.group.state is GroupState.STABLE
    return scene
