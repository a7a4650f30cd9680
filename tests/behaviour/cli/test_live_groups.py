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

ADDRESS = "memory://live-groups"
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
        "ASSIGNMENT",
    ]
    assert row.split()[2] == "one"
    assert row.split()[-2:] == ["1", "t(0)"]


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
    given = dict.fromkeys((*TARGETS, "all_topics", "execute", "dry_run", "export", "as_json"), None)
    with pytest.raises(CommandError, match="group 'g' has members"):
        await reset(link, ["g"], {**given, "topics": ("t",), "to_offset": 0, "execute": True})
    with pytest.raises(CommandError, match="group 'g' was not deleted: it has members"):
        await _delete(link, ["g"])


async def test_a_group_keeps_the_offsets_of_what_its_members_read(link, capsys):
    given = {"topics": ("t",), "all_topics": False, "as_json": False}
    with pytest.raises(CommandError, match=r"keeps its offset in t-0: members of the group read it"):
        await delete_offsets(link, ["g"], given)

    assert capsys.readouterr().out.splitlines()[-1].split()[-2:] == ["Error:", "GROUP_SUBSCRIBED_TO_TOPIC"]
