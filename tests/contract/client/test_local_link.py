"""Owns: the tests of sharing embedded logs in one process. Must not know: what is in them."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys

import pytest

from streamz_core.broker.config import BrokerConfig
from streamz_core.client import local_link
from streamz_core.client.errors import LinkClosed
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse, StreamzError
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.testing.manual_clock import ManualClock


async def cluster_id(link):
    return (await link.send(MetadataRequest(topics=[]))).cluster_id


async def test_two_spellings_of_a_directory_are_one_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    os.symlink("data", tmp_path / "link")
    links = [
        await open_link(a) for a in ("file://./data", f"file://{tmp_path}/data", "./link", "./x/../data")
    ]

    assert len({await cluster_id(link) for link in links}) == 1
    for link in links:
        await link.close()
    assert not local_link._open


async def test_the_last_user_closes_the_log(tmp_path):
    first, second = await open_link(str(tmp_path)), await open_link(str(tmp_path))
    await first.close()
    await first.close()
    with pytest.raises(LinkClosed, match="MetadataRequest"):
        await cluster_id(first)
    assert await cluster_id(second)
    await second.close()

    assert not local_link._open
    third = await open_link(str(tmp_path))
    await third.close()


async def test_opening_and_closing_at_once(tmp_path):
    async def use():
        link = await open_link(str(tmp_path))
        found = await cluster_id(link)
        await link.close()
        return found

    assert len(set(await asyncio.gather(*[use() for _ in range(10)]))) == 1
    assert not local_link._open


async def test_a_cancelled_opener_leaves_nothing_open(tmp_path):
    opening = asyncio.ensure_future(open_link(str(tmp_path)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert not local_link._open


async def test_what_is_in_memory_outlives_its_clients_on_one_loop():
    for offset in range(3):
        async with AIOKafkaProducer(bootstrap_servers="memory://kept") as producer:
            assert (await producer.send_and_wait("t", b"v")).offset == offset


def test_another_event_loop_finds_other_memory():
    async def produce():
        async with AIOKafkaProducer(bootstrap_servers="memory://kept") as producer:
            return (await producer.send_and_wait("t", b"v")).offset

    assert [asyncio.run(produce()) for _ in range(2)] == [0, 0]


def test_a_program_that_never_stopped_its_client_is_a_crash_to_the_log(tmp_path):
    async def produce(*, stops):
        producer = AIOKafkaProducer(bootstrap_servers=str(tmp_path))
        await producer.start()
        offset = (await producer.send_and_wait("t", b"v")).offset
        if stops:
            await producer.stop()
        return offset

    def crash():
        offset = asyncio.run(produce(stops=False))
        gc.collect()
        return offset

    with pytest.warns(ResourceWarning, match="Unclosed AIOKafkaProducer"):
        assert crash() == 0
    assert asyncio.run(produce(stops=True)) == 1


async def test_other_settings_for_an_open_log_are_refused():
    link = await open_link("memory://settings")
    with pytest.raises(Misuse, match="clock"):
        await open_link("memory://settings", clock=ManualClock())
    with pytest.raises(Misuse, match="settings"):
        await open_link("memory://settings", config=BrokerConfig(default_partitions=7))
    await link.close()


async def test_another_thread_s_loop_is_refused(tmp_path):
    link = await open_link(str(tmp_path))

    def elsewhere():
        asyncio.run(open_link(str(tmp_path)))

    with pytest.raises(Misuse, match="another event loop"):
        await asyncio.to_thread(elsewhere)
    await link.close()


async def test_a_directory_of_another_process_names_its_pid(tmp_path):
    script = (
        "import asyncio, sys\n"
        "from streamz_core.client.local_link import open_link\n"
        "async def main():\n"
        "    await open_link(sys.argv[1])\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(main())\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(StreamzError, match=str(owner.pid)):
            await open_link(str(tmp_path))
        assert not local_link._open
    finally:
        owner.kill()
        owner.communicate()


async def test_a_request_once_sent_is_carried_out(tmp_path):
    from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest

    link = await open_link(str(tmp_path))
    asking = asyncio.ensure_future(link.send(CreateTopicsRequest(topics=[CreatableTopic(name="made")])))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    for _ in range(100):
        topics = (await link.send(MetadataRequest(topics=None))).topics
        if topics:
            break
        await asyncio.sleep(0)

    assert [topic.name for topic in topics] == ["made"]
    await link.close()


@pytest.mark.parametrize("between", range(1, 4))
async def test_a_producer_whose_stop_is_cancelled_again_and_again_lets_go(between):
    for before in range(1, 12):
        producer = AIOKafkaProducer(bootstrap_servers="memory://let-go", enable_idempotence=True)
        await producer.start()
        future = await producer.send("t", b"v")
        stopping = asyncio.ensure_future(producer.stop())
        for pause in (before, between):
            for _ in range(pause):
                await asyncio.sleep(0)
            stopping.cancel()
        await asyncio.wait([stopping])
        assert future.done()
        while local_link._open:
            (entry,) = local_link._open.values()
            assert entry.closing is not None, f"still open: cancelled after {before} and {between} turns"
            await asyncio.wait([entry.closing])
