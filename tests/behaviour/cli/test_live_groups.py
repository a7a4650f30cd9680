"""What ``streamz groups`` says of a group that has members: in their process, where its directory is open."""

from __future__ import annotations

import json

import pytest

from streamz_core.cli.connection import CommandError
from streamz_core.cli.group_delete_offsets import delete_offsets
from streamz_core.cli.group_describe import describe
from streamz_core.cli.group_reset import reset
from streamz_core.cli.groups import _delete
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.reset_target import TARGETS
from streamz_core.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest

ADDRESS = "memory://live-groups"
RESET = dict.fromkeys((*TARGETS, "all_topics", "execute", "dry_run", "export", "as_json"), None)
NOTHING = {"state": None, "members": False, "verbose": False, "as_json": False}


@pytest.fixture
async def link():
    opened = await open_link(ADDRESS)
    async with AIOKafkaProducer(bootstrap_servers=ADDRESS) as producer:
        for value in (b"a", b"b", b"c"):
            await producer.send_and_wait("t", value)
    consumer = AIOKafkaConsumer(
        "t",
        bootstrap_servers=ADDRESS,
        group_id="g",
        client_id="me",
        group_instance_id="one",
        auto_offset_reset="earliest",
    )
    async with consumer:
        await consumer.getone()
        await consumer.commit()
        yield opened
    await opened.close()


async def test_offsets_name_the_member_that_owns_a_partition(link, capsys):
    await describe(link, ["g"], NOTHING)

    said = capsys.readouterr()
    _, titles, row = said.out.splitlines()
    assert titles.split()[-3:] == ["CONSUMER-ID", "HOST", "CLIENT-ID"]
    cells = row.split()
    assert cells[:6] == ["g", "t", "0", "1", "3", "2"]
    assert cells[6].startswith("one")
    assert cells[8] == "me"
    assert said.err == ""


async def test_members_show_what_they_read(link, capsys):
    await describe(link, ["g"], {**NOTHING, "members": True, "verbose": True})

    _, titles, row = capsys.readouterr().out.splitlines()
    assert titles.split() == [
        "GROUP",
        "CONSUMER-ID",
        "GROUP-INSTANCE-ID",
        "HOST",
        "CLIENT-ID",
        "#PARTITIONS",
        "CURRENT-EPOCH",
        "CURRENT-ASSIGNMENT",
        "TARGET-EPOCH",
        "TARGET-ASSIGNMENT",
    ]
    assert row.split()[2] == "one"
    assert row.split()[-5:] == ["1", "-", "t:0", "-", "-"]


async def test_state_shows_strategy_and_members(link, capsys):
    await describe(link, ["g"], {**NOTHING, "state": "", "as_json": True})

    assert json.loads(capsys.readouterr().out) == [
        {
            "group": "g",
            "coordinator": "embedded (0)",
            "assignment_strategy": "roundrobin",
            "state": "Stable",
            "members": 1,
        }
    ]


async def test_a_group_with_members_is_neither_reset_nor_deleted(link):
    with pytest.raises(CommandError, match="group 'g' has members"):
        await reset(link, ["g"], {**RESET, "topics": ("t",), "to_offset": 0, "execute": True})
    with pytest.raises(CommandError, match="group 'g' was not deleted: it has members"):
        await _delete(link, ["g"], as_json=False)


async def test_a_group_keeps_the_offsets_of_what_its_members_read(link, capsys):
    given = {"topics": ("t",), "all_topics": False, "as_json": False}
    with pytest.raises(CommandError, match=r"keeps its offset in t-0: members of the group read it"):
        await delete_offsets(link, ["g"], given)

    assert capsys.readouterr().out.splitlines()[-1].split()[-2:] == ["Error:", "GROUP_SUBSCRIBED_TO_TOPIC"]


async def test_groups_of_the_consumer_protocol_are_shown_alike(link, capsys):
    member = ConsumerGroupHeartbeatRequest(
        group_id="new",
        member_id="m",
        member_epoch=0,
        instance_id="two",
        client_id="me",
        client_host="here",
        rebalance_timeout_ms=1_000,
        subscribed_topic_names=["t"],
        topic_partitions=[],
    )
    await link.send(member)

    await describe(link, ["new", "g"], {**NOTHING, "members": True, "verbose": True})
    members = capsys.readouterr().out
    await describe(link, ["new"], {**NOTHING, "state": "", "as_json": True})
    (state,) = json.loads(capsys.readouterr().out)

    assert [line.split() for line in members.splitlines() if line.startswith("new")] == [
        ["new", "m", "two", "/here", "me", "1", "2", "t:0", "2", "t:0"]
    ]
    assert (state["assignment_strategy"], state["state"], state["members"]) == ("uniform", "Stable", 1)
    with pytest.raises(CommandError, match="has members"):
        await reset(link, ["new"], {**RESET, "topics": ("t",), "to_offset": 0, "execute": True})
    with pytest.raises(CommandError, match="does not exist"):
        await describe(link, ["nobody"], NOTHING)
