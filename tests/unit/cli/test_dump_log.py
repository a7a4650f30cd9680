"""Owns: the lines of ``streamz dump-log``, held against what ``kafka-dump-log`` prints for the same content."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from streamz_core.broker.groups.records import CommittedOffset, offset_key, offset_value
from streamz_core.cli.main import main
from streamz_core.log.directory import LogDirectory
from streamz_core.log.files import DiskFiles
from streamz_core.model import Durability, TopicPartition
from streamz_core.protocol.record_batch import encode

SYNC = Durability.SYNC


@pytest.fixture(name="place")
def _place(tmp_path):
    """A partition directory with an aborted transaction, three segments, and committed offsets beside it."""
    directory = LogDirectory.open(DiskFiles(), f"{tmp_path}/data", 0)
    directory.create_topic("t", 1, {"segment.bytes": "350", "index.interval.bytes": "0"})
    log = directory.partition("t", 0)
    fields = {"producer_id": 7, "producer_epoch": 2, "base_sequence": 0, "transactional": True}
    headers = [[("trace", b"1"), ("kind", None)]]
    log.append(encode([b"k"], [b"never"], [1_000], headers, **fields), level=SYNC, now_ms=0)
    log.append_marker(7, 2, False, level=SYNC, now_ms=1_001)
    for number in range(5):
        data = encode([None, b"key"], [f"value-{number}".encode(), None], [2_000 + number] * 2)
        log.append(data, level=SYNC, now_ms=0)
    directory.create_topic("o", 1)
    key = offset_key("g", TopicPartition("t", 0))
    value = offset_value(CommittedOffset(5, -1, "note", 77))
    directory.partition("o", 0).append(encode([key, key], [value, None], [1, 1]), level=SYNC, now_ms=0)
    directory.close()
    return tmp_path / "data" / "log"


def dump(*arguments, code=0):
    result = CliRunner().invoke(main, ["dump-log", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output.splitlines()


def test_batches_of_a_log(place):
    path = place / "t-0" / f"{0:020d}.log"

    lines = dump("--files", path)

    assert lines[:2] == [f"Dumping {path}", "Log starting offset: 0"]
    assert re.fullmatch(
        r"baseOffset: 0 lastOffset: 0 count: 1 baseSequence: 0 lastSequence: 0 producerId: 7 producerEpoch: 2 "
        r"partitionLeaderEpoch: 0 isTransactional: true isControl: false deleteHorizonMs: OptionalLong.empty "
        r"position: 0 CreateTime: 1000 size: \d+ magic: 2 compresscodec: none crc: \d+ isvalid: true",
        lines[2],
    )
    assert "isControl: true" in lines[3]


def test_records_of_a_log(place):
    lines = dump("--files", place / "t-0" / f"{0:020d}.log", "--print-data-log")

    assert lines[3] == (
        "| offset: 0 CreateTime: 1000 keySize: 1 valueSize: 5 sequence: 0 headerKeys: [trace,kind] "
        "key: k payload: never"
    )
    assert lines[5] == (
        "| offset: 1 CreateTime: 1001 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] "
        "endTxnMarker: ABORT coordinatorEpoch: 0"
    )
    assert lines[7].endswith("keySize: -1 valueSize: 7 sequence: -1 headerKeys: [] payload: value-0")
    assert lines[8].endswith("keySize: 3 valueSize: -1 sequence: -1 headerKeys: [] key: key")


def test_deep_iteration_prints_no_contents_and_skipping_metadata_nothing_else(place):
    path = place / "t-0" / f"{0:020d}.log"

    assert dump("--files", path, "--deep-iteration")[7].endswith("headerKeys: []")
    assert dump("--files", path, "--print-data-log", "--skip-record-metadata")[7:9] == [
        "| payload: value-0",
        "| key: key",
    ]


def test_limits(place):
    path = place / "t-0" / f"{0:020d}.log"

    assert len(dump("--files", path, "--max-bytes", 1)) == 3
    assert (
        "its records are not read" in dump("--files", path, "--deep-iteration", "--max-message-size", 60)[3]
    )


def test_space_taken_for_batches_to_come_is_not_shown(place):
    path = place / "t-0" / f"{0:020d}.log"
    before = dump("--files", path)
    path.write_bytes(path.read_bytes() + bytes(100))

    assert dump("--files", path) == before


def test_a_damaged_batch_and_a_torn_end_are_shown(place):
    path = place / "t-0" / f"{0:020d}.log"
    data = bytearray(path.read_bytes())
    data[65] ^= 1
    path.write_bytes(data[:-1])

    lines = dump("--files", path)

    assert lines[2].endswith("isvalid: false")
    assert re.fullmatch(r"Found \d+ invalid bytes at the end of 0{20}\.log", lines[-1])


def test_indexes(place):
    path = place / "t-0" / f"{0:020d}"
    lines = dump("--files", f"{path}.index,{path}.timeindex,{path}.txnindex")

    assert lines[0] == f"Dumping {path}.index"
    assert any(re.fullmatch(r"offset: \d+ position: \d+", line) for line in lines)
    assert any(re.fullmatch(r"timestamp: 2\d{3} offset: \d+", line) for line in lines)
    assert lines[-1] == "version: 0 producerId: 7 firstOffset: 0 lastOffset: 1 lastStableOffset: 2"


def test_an_index_is_verified(place):
    path = place / "t-0" / f"{0:020d}.index"
    assert dump("--files", path, "--verify-index-only") == [f"Dumping {path}"]
    assert dump("--files", path, "--index-sanity-check")[-1] == f"{path} passed sanity check."

    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)

    wrong = dump("--files", path, "--verify-index-only", code=1)
    assert wrong[1] == f"Mismatches in :{path}"
    assert re.fullmatch(r"  Index offset: \d+, log offset: \d+", wrong[2])
    path.write_bytes(data[:-1])
    assert "no multiple of 8" in dump("--files", path, "--index-sanity-check", code=1)[-1]


def test_a_time_index_is_verified(place):
    path = place / "t-0" / f"{0:020d}.timeindex"
    assert len(dump("--files", path, "--verify-index-only")) == 1
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)

    assert f"Found timestamp mismatch in :{path}" in dump("--files", path, code=1)


def test_sidecars(place):
    partition = place / "t-0"
    snapshot = max(partition.glob("*.snapshot"))
    names = [
        snapshot,
        partition / f"{0:020d}.seal",
        partition / "recovery-point",
        partition / "partition.metadata",
    ]

    lines = dump("--files", ",".join(map(str, names)))

    assert any(
        line.startswith(
            "producerId: 7 producerEpoch: 2 coordinatorEpoch: -1 currentTxnFirstOffset: OptionalLong.empty"
        )
        for line in lines
    )
    assert any("firstSequence: 0 lastSequence: 0 lastOffset: 0 offsetDelta: 0" in line for line in lines)
    assert any(line.startswith("index: .txnindex size: 34") for line in lines)
    assert any(line.startswith("slot: 0 ") for line in lines)
    assert lines[-1].startswith("topic: t topicId: ")
    (partition / "partition.metadata").write_bytes(b"x")
    dump("--files", partition / "partition.metadata", code=1)


def test_the_offsets_decoder(place):
    lines = dump("--files", place / "o-0" / f"{0:020d}.log", "--offsets-decoder")

    key = '{"type":"1","data":{"group":"g","topic":"t","partition":0}}'
    value = '{"version":"3","data":{"offset":5,"leaderEpoch":-1,"metadata":"note","commitTimestamp":77}}'
    assert lines[3].endswith(f"key: {key} payload: {value}")
    assert lines[4].endswith(f"key: {key} payload: <DELETE>")


def test_the_decoders_refuse_what_is_not_theirs(place):
    path = place / "t-0" / f"{0:020d}.log"

    assert any("no key" in line for line in dump("--files", path, "--offsets-decoder"))
    assert dump("--files", path, "--transaction-log-decoder")
    dump("--files", path, "--offsets-decoder", "--transaction-log-decoder", code=2)
    dump("--files", path, "--key-decoder-class", "nobody.Knows", code=2)


def test_a_file_that_is_not_there(place):
    dump("--files", place / "t-0" / "none.log", code=1)
