from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.broker.groups.records import (
    CommittedOffset,
    GroupKey,
    OffsetKey,
    group_key,
    group_value,
    offset_key,
    offset_value,
    read_group,
    read_key,
    read_offset,
)
from streamz_core.broker.groups.state import Group, GroupState, Member
from streamz_core.broker.record_fields import CorruptState
from streamz_core.model import TopicPartition

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = CommittedOffset(42, -1, "m", 9, 1)
INT32 = st.integers(0, 2**31 - 1)
OFFSETS = st.builds(
    CommittedOffset, st.integers(0, 2**63 - 1), st.integers(-1, 2**31 - 1), NAMES, st.integers(-1, 2**63 - 1)
)


@given(OFFSETS, st.integers(0, 2**40))
def test_offsets_are_read_as_written(committed: CommittedOffset, record_offset: int) -> None:
    assert read_offset(offset_value(committed), record_offset) == committed._replace(
        record_offset=record_offset
    )


@given(NAMES, NAMES, INT32)
def test_keys_are_read_as_written(group_id: str, topic: str, partition: int) -> None:
    where = TopicPartition(topic, partition)
    assert read_key(offset_key(group_id, where)) == OffsetKey(group_id, where)
    assert read_key(group_key(group_id)) == GroupKey(group_id)


@st.composite
def groups(draw: st.DrawFn) -> Group:
    names = draw(st.lists(NAMES.filter(bool), unique=True, max_size=4))
    members = {
        name: Member(
            member_id=name,
            group_instance_id=draw(st.none() | NAMES),
            client_id=draw(NAMES),
            client_host=draw(NAMES),
            session_timeout_ms=draw(INT32),
            rebalance_timeout_ms=draw(INT32),
            protocols=(("range", draw(st.binary(max_size=8))),),
            assignment=draw(st.binary(max_size=8)),
            has_synced=True,
        )
        for name in names
    }
    return Group(
        group_id="g",
        state=GroupState.STABLE if members else GroupState.EMPTY,
        generation_id=draw(INT32),
        protocol_type=draw(st.sampled_from(["consumer", "connect"])),
        protocol_name="range" if members else None,
        leader=names[0] if names else None,
        members=members,
        state_since_ms=draw(st.integers(-1, 2**50)),
        is_assigned=bool(members),
    )


@given(groups())
def test_groups_are_read_as_written(group: Group) -> None:
    assert read_group("g", group_value(group)) == group


def test_the_bytes_of_offsets_are_kafkas() -> None:
    key = offset_key("g", TopicPartition("t", 5))
    value = offset_value(CommittedOffset(42, 3, "m", 9))

    assert key.hex(" ") == "00 01 00 01 67 00 01 74 00 00 00 05"
    assert value.hex() == "0003000000000000002a0000000300016d0000000000000009"


def test_the_bytes_of_groups_are_kafkas() -> None:
    member = Member(
        member_id="m",
        client_id="c",
        client_host="h",
        rebalance_timeout_ms=2,
        session_timeout_ms=1,
        protocols=(("range", b"s"),),
        assignment=b"a",
    )
    group = Group(
        group_id="g",
        generation_id=4,
        protocol_type="consumer",
        protocol_name="range",
        leader="m",
        members={"m": member},
        state_since_ms=8,
    )

    assert group_key("g").hex(" ") == "00 02 00 01 67"
    assert group_value(group).hex() == (
        "00030008" + b"consumer".hex() + "000000040005" + b"range".hex() + "00016d"
        "000000000000000800000001"
        "00016dffff000163000168000000020000000100000001730000000161"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0000 000000000000002a 0001 6d 0000000000000009", CommittedOffset(42, -1, "m", 9, 1)),
        (
            "0001 000000000000002a 0001 6d 0000000000000009 00000000000000ff",
            CommittedOffset(42, -1, "m", 9, 1),
        ),
        ("0002 000000000000002a 0001 6d 0000000000000009", CommittedOffset(42, -1, "m", 9, 1)),
        ("0004 000000000000002a 00000003 02 6d 0000000000000009 00", CommittedOffset(42, 3, "m", 9, 1)),
    ],
)
def test_other_versions_of_offsets_are_read(value: str, expected: CommittedOffset) -> None:
    assert read_offset(bytes.fromhex(value), 1) == expected


def test_older_versions_of_groups_are_read() -> None:
    head = "0008" + b"consumer".hex() + "000000040005" + b"range".hex() + "0001 6d"
    member = "00000001 0001 6d 0001 63 0001 68"
    v0 = read_group("g", bytes.fromhex(f"0000 {head} {member} 00000001 00000001 73 00000001 61"))
    v2 = read_group(
        "g", bytes.fromhex(f"0002 {head} 0000000000000008 {member} 00000002 00000001 00000001 73 00000001 61")
    )

    assert v0.members["m"].rebalance_timeout_ms == 1
    assert v2.members["m"].rebalance_timeout_ms == 2
    assert (v0.state_since_ms, v2.state_since_ms) == (-1, 8)


@pytest.mark.parametrize(
    "value", ["0005", "", "0003 00", "0003 000000000000002a 00000003 0001 ff 0000000000000009"]
)
def test_other_bytes_are_refused(value: str) -> None:
    with pytest.raises(CorruptState):
        read_offset(bytes.fromhex(value), 1)
    with pytest.raises(CorruptState):
        read_group("g", bytes.fromhex(value))


def test_keys_of_newer_kinds_are_passed_over() -> None:
    assert read_key(bytes.fromhex("0009 0001 67")) is None
