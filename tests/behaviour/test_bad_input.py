"""Bad input gets a specific error that names the thing and the remedy, and nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamz_core import App, Record
from streamz_core.aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from streamz_core.aiokafka.errors import (
    CorruptRecordException,
    InvalidTopicError,
    KafkaStorageError,
    MessageSizeTooLargeError,
)
from streamz_core.client.address import AddressError
from streamz_core.errors import Misuse, StreamzError
from streamz_core.log.errors import DirectoryDenied, DirectoryOwned, ForeignDirectory, NewerFormat
from streamz_core.protocol.crc import crc32c

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


HOLDER = """
import asyncio, sys
from streamz_core.aiokafka import AIOKafkaProducer

async def main():
    async with AIOKafkaProducer(bootstrap_servers={address!r}):
        print("open", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


class Order(Record):
    customer: str
    amount: int


async def produce(address: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(address: str, topic: str, count: int) -> list[bytes | None]:
    async with AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"file://{tmp_path}/data"


@pytest.mark.parametrize("name", ["../x", "a b", "", ".", "x" * 250, "naïve"])
async def test_a_topic_name_outside_the_rules(address: str, name: str) -> None:
    with pytest.raises((InvalidTopicError, Misuse), match="topic"):
        await produce(address, name, b"v")
    assert not (Path(address.removeprefix("file://")) / "log" / "x-0").exists()


async def test_a_record_over_the_limit_is_refused_and_the_others_arrive(address: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address, max_request_size=10_000) as producer:
        await producer.send_and_wait("t", b"before")
        with pytest.raises(MessageSizeTooLargeError, match="max_request_size is 10000"):
            await producer.send("t", b"v" * 20_000)
        await producer.send_and_wait("t", b"after")

    assert await read(address, "t", 2) == [b"before", b"after"]


async def test_a_corrupt_segment_stops_its_partition_and_no_other(address: str) -> None:
    await produce(address, "t", *(b"value %d" % number for number in range(10)))
    await produce(address, "other", b"sound")
    (segment,) = Path(address.removeprefix("file://")).glob("log/t-0/*.log")
    data = bytearray(segment.read_bytes())
    data[data.index(b"value 4")] ^= 1
    segment.write_bytes(data)

    assert await read(address, "t", 4) == [b"value 0", b"value 1", b"value 2", b"value 3"]
    with pytest.raises(CorruptRecordException, match=r"t-0: offsets 4 to 9 are damaged: .*\.log at byte"):
        await read(address, "t", 5)
    assert await read(address, "other", 1) == [b"sound"]
    assert segment.read_bytes() == data, "damage is reported, never removed"


@pytest.mark.parametrize("kept", ["__consumer_offsets", "__transaction_state"])
@pytest.mark.parametrize("damage", ["a flipped bit", "no bytes", "no segment", "no directory"])
async def test_what_coordinators_keep_is_never_taken_for_empty(address: str, kept: str, damage: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id="x")
    async with producer, producer.transaction():
        await producer.send("t", b"v")
        await producer.send_offsets_to_transaction({TopicPartition("t", 0): 1}, "g")
    partition = Path(address.removeprefix("file://")) / "log" / f"{kept}-0"
    (segment,) = partition.glob("*.log")
    if damage == "no directory":
        shutil.rmtree(partition)
    elif damage == "no segment":
        segment.unlink()
    else:
        data = bytearray(segment.read_bytes())
        data[100] ^= 1
        segment.write_bytes(data if damage == "a flipped bit" else b"")

    with pytest.raises(StreamzError, match=f"{kept}-0.*restore"):
        await AIOKafkaProducer(bootstrap_servers=address).start()


async def test_an_app_does_not_stay_up_with_a_partition_that_cannot_be_read(address: str) -> None:
    await produce(address, "orders", b"1", b"2", b"3")
    (segment,) = Path(address.removeprefix("file://")).glob("log/orders-0/*.log")
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    app = App("shop", broker=address)

    @app.agent(app.topic("orders", value_type=int))
    async def take(orders):
        async for _ in orders:
            pass

    async with app:
        reason = await asyncio.wait_for(app.wait_failed(), 20)

    assert "orders-0: offset" in str(reason)
    assert "damaged" in str(reason)


async def test_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ForeignDirectory, match=r"notes\.txt"):
        await produce(f"file://{tmp_path}", "t", b"v")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


async def test_a_newer_directory_is_refused_before_any_write(address: str) -> None:
    await produce(address, "t", b"v")
    path = Path(address.removeprefix("file://")) / "streamz.json"
    content = json.loads(path.read_text())["content"]
    content["version"] += 1
    body = json.dumps(content, separators=(",", ":"))
    path.write_text(f'{{"crc32c":{crc32c(body.encode())},"content":{body}}}\n')
    before = sorted((p, p.stat().st_mtime_ns) for p in path.parent.rglob("*"))

    with pytest.raises(NewerFormat, match="version"):
        await produce(address, "t", b"v")
    assert sorted((p, p.stat().st_mtime_ns) for p in path.parent.rglob("*")) == before


async def test_a_directory_another_process_owns(address: str, tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDER.format(address=address),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"

    with pytest.raises(DirectoryOwned, match=f"process {holder.pid}"):
        await produce(address, "t", b"v")
    holder.communicate("\n")
    await produce(address, "t", b"v")
    assert await read(address, "t", 1) == [b"v"]


async def test_a_full_disk_fails_appends_keeps_reads_and_resumes(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    write = os.pwritev

    def full(fd: int, buffers: object, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with AIOKafkaProducer(bootstrap_servers=address, request_timeout_ms=300) as producer:
        await producer.send_and_wait("t", b"before")
        monkeypatch.setattr(os, "pwritev", full)
        with pytest.raises(
            KafkaStorageError, match=r"t-0: writing failed on .*: No space left on device; free disk space"
        ):
            await producer.send_and_wait("t", b"lost")
        assert await read(address, "t", 1) == [b"before"]
        monkeypatch.setattr(os, "pwritev", write)
        await producer.send_and_wait("t", b"after")

    assert await read(address, "t", 2) == [b"before", b"after"]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A directory this user may not write to. Root may everywhere: as root, be somebody else for a while."""
    tmp_path.chmod(0o500)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield tmp_path
    os.seteuid(before)
    tmp_path.chmod(0o700)


async def test_no_permission(locked: Path) -> None:
    with pytest.raises(DirectoryDenied, match="give this user read and write access"):
        await produce(f"file://{locked}/data", "t", b"v")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"customer": "ann", "amount": "many"}', r"field 'amount': expected int, got str"),
        (b'{"customer": "ann"', "topic 'orders' partition 0 offset 1 does not decode"),
        (b"\xff\xfe", "topic 'orders' partition 0 offset 1 does not decode"),
    ],
)
async def test_a_value_that_does_not_decode_or_has_a_wrong_type(
    address: str, raw: bytes, message: str
) -> None:
    await produce(
        address, "orders", b'{"customer": "bob", "amount": 1}', raw, b'{"customer": "cy", "amount": 2}'
    )
    app = App("shop", broker=address)
    taken = []

    @app.agent(app.topic("orders", value_type=Order))
    async def take(orders):
        async for order in orders:
            taken.append(order)

    async with app:
        reason = await asyncio.wait_for(app.wait_failed(), 20)

    assert taken == [Order(customer="bob", amount=1)]
    with pytest.raises(StreamzError, match=message):
        raise reason


def test_an_unknown_setting_is_named_with_the_nearest() -> None:
    with pytest.raises(Misuse, match="unknown setting 'brokr'; did you mean 'broker'"):
        App("shop", brokr="file://./data")


@pytest.mark.parametrize("text", ["http://x", "kafka://", "host:notaport", "file://", "memory://"])
async def test_an_address_that_cannot_be_parsed(text: str) -> None:
    with pytest.raises(AddressError, match=r"file:///path/to/data|such as memory://orders"):
        await produce(text, "t", b"v")


async def test_an_agent_that_raises_ends_the_app_with_the_record_named(address: str) -> None:
    await produce(address, "orders", b"1", b"0", b"2")
    app = App("shop", broker=address)
    done = []

    @app.agent(app.topic("orders", value_type=int))
    async def divide(orders):
        async for number in orders:
            done.append(1 / number)

    async with app:
        reason = await asyncio.wait_for(app.wait_failed(), 20)

    assert done == [1.0]
    assert "processor 'divide' of app 'shop' failed on topic 'orders' partition 0 offset 1" in str(reason)
    assert "ZeroDivisionError" in str(reason)
