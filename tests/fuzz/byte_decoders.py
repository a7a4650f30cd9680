"""Every decoder but those of the wire's messages, for a fuzzer: ``make fuzz``.

Owns: which decoders there are, what each may raise, and bytes to begin with.
Must not know: who makes the bytes up.

An input's first byte chooses the decoder, the rest is for it. What is protected by a checksum gets its checksum here:
a fuzzer does not find one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from streamz_core.broker.groups import records as group_records
from streamz_core.broker.groups.consumer import records as consumer_records
from streamz_core.broker.groups.consumer.state import (
    ClassicProtocol,
    ConsumerGroup,
    ConsumerMember,
    TopicIdPartition,
)
from streamz_core.broker.patterns.pattern import Pattern
from streamz_core.broker.transactions import records as transaction_records
from streamz_core.cli import dumped_indexes, dumped_sidecars
from streamz_core.cli.dumped_log import DumpOptions, dump_log
from streamz_core.cli.dumped_records import OffsetsParser, TransactionParser
from streamz_core.client.consumer.assignors.sticky import Claim, decode_claim, encode_claim
from streamz_core.errors import StreamzError
from streamz_core.log import checksummed, layout, partition_metadata, segment, snapshot
from streamz_core.log.check import check
from streamz_core.log.directory import LogDirectory
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.log.recovery_point import SLOT_BYTES, decode_slot
from streamz_core.log.salvage import Expected, Survey
from streamz_core.model import Durability, TopicPartition
from streamz_core.protocol import control, scram
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from streamz_core.protocol.crc import crc32c
from streamz_core.protocol.record_batch import HEADER_BYTES, decode, encode, read_headers
from streamz_core.secret import Secret
from streamz_core.server.security import jwks, oauthbearer_login, plain_login
from streamz_core.streams.runtime.task_assignment import MemberState

UNPACKED_BYTES_MAX = 1 << 20
"""What an input may become when it is unpacked."""
_PATH = "/data"


class Decoder(NamedTuple):
    """One decoder: it may raise ``StreamzError`` (or what is refused by name), and nothing else."""

    name: str
    run: Callable[[bytes], object]
    seeds: list[bytes]


def one_input(data: bytes) -> None:
    """Have the chosen decoder read the rest."""
    if not data:
        return
    decoder = DECODERS[data[0] % len(DECODERS)]
    try:
        decoder.run(data[1:])
    except StreamzError:
        return


def seeds() -> Iterator[bytes]:
    """Inputs that are well formed, and nothing at all, for each decoder."""
    for place, decoder in enumerate(DECODERS):
        for seed in (*decoder.seeds, b""):
            yield bytes([place]) + seed


# -- record batches -----------------------------------------------------------------------------------


def _batches() -> list[bytes]:
    keys = [None, b"key", b""]
    values = [b"value" * 9, None, b""]
    headers = [[("name", b"value"), ("none", None)], [], []]
    plain = [encode(keys, values, [1, 2, 3], headers=headers, compression=codec) for codec in Compression]
    return [*plain, encode([b"k"], [b"v"], [5], producer_id=7, producer_epoch=1, base_sequence=0)]


def _batch(data: bytes) -> None:
    read_headers(data)
    columns = decode(data, check=False, max_bytes=UNPACKED_BYTES_MAX)
    assert len(columns.keys) == len(columns.values) == len(columns.offsets) == len(columns.timestamps)
    assert list(columns.offsets) == sorted(columns.offsets)


def _with_checksum(data: bytes) -> bytes:
    """The bytes of one batch with the length and checksum that fit them."""
    if len(data) < HEADER_BYTES:
        return data
    length = (len(data) - 12).to_bytes(4)
    return data[:8] + length + data[12:17] + crc32c(data[21:]).to_bytes(4) + data[21:]


# -- files --------------------------------------------------------------------------------------------


def _file(name: str, data: bytes) -> MemoryFiles:
    files = MemoryFiles()
    files.mkdir(_PATH)
    file = files.open(f"{_PATH}/{name}", create=True)
    file.write_at(0, data)
    file.close()
    return files


def _segment(data: bytes) -> None:
    """A .log is dumped and surveyed, whatever is in it."""
    name = layout.offset_name(0, layout.LOG_SUFFIX)
    for content in (data, _with_checksum(data)):
        files = _file(name, content)
        for parser in (OffsetsParser(), TransactionParser()):
            options = DumpOptions(
                parser=parser,
                is_deep=True,
                prints_contents=True,
                skips_metadata=False,
                max_message_bytes=UNPACKED_BYTES_MAX,
                max_bytes=None,
            )
            assert list(dump_log(files, f"{_PATH}/{name}", options))
        for certain in (0, len(content)):
            stretches = Survey(files.open(f"{_PATH}/{name}"), Expected(0, 3, certain)).run()
            assert all(one.start <= one.end for one in stretches)


def _index(suffix: str) -> Callable[[bytes], object]:
    name = layout.offset_name(0, suffix)
    log = layout.offset_name(0, layout.LOG_SUFFIX)

    def run(data: bytes) -> None:
        files = _file(name, data)
        file = files.open(f"{_PATH}/{log}", create=True)
        file.write_at(0, _batches()[0])
        file.close()
        for verifies, sanity in ((False, False), (True, False), (False, True)):
            list(
                dumped_indexes.dump(
                    files, f"{_PATH}/{name}", suffix, verifies_only=verifies, checks_sanity=sanity, wrong=[]
                )
            )

    return run


def _sidecar(name: str, kind: bytes, load: Callable[[MemoryFiles, str], object]) -> Callable[[bytes], object]:
    suffix = name if name in dumped_sidecars.DUMPS else name[name.rindex(".") :]

    def run(data: bytes) -> None:
        load(_file(name, data), f"{_PATH}/{name}")
        files = _file(name, checksummed.wrap(kind, data))
        load(files, f"{_PATH}/{name}")
        list(dumped_sidecars.DUMPS[suffix](files, f"{_PATH}/{name}"))

    return run


def _metadata(files: MemoryFiles, path: str) -> object:
    return partition_metadata.load(files, path.rpartition("/")[0])


def _slot(data: bytes) -> None:
    decode_slot(data)
    data = data[:SLOT_BYTES]
    decode_slot(data[:-4] + crc32c(data[:-4]).to_bytes(4))


def _made_directory() -> MemoryFiles:
    files = MemoryFiles()
    directory = LogDirectory.open(files, _PATH, 0)
    directory.create_topic("t", 1, {"segment.bytes": "300"})
    for batch in _batches() * 2:
        directory.partition("t", 0).append(batch, level=Durability.SYNC, now_ms=0)
    directory.close()
    return files


def _paths(files: MemoryFiles, path: str = _PATH) -> list[str]:
    found = []
    for name in files.listdir(path):
        below = f"{path}/{name}"
        try:
            found += _paths(files, below)
        except NotADirectoryError:
            found.append(below)
    return found


_DIRECTORY = _made_directory()
_FILES = [path for path in _paths(_DIRECTORY) if not path.endswith(layout.LOCK_FILE)]


def _content(path: str) -> bytes:
    return checksummed.read_file(_DIRECTORY, path) or b""


def _directory(data: bytes) -> None:
    """A whole data directory of which one file is what the fuzzer says: it is checked, and opened or refused."""
    files = MemoryFiles()
    damaged = _FILES[data[0] % len(_FILES)] if data else ""
    for path in _FILES:
        files.mkdir(path.rpartition("/")[0])
        file = files.open(path, create=True)
        file.write_at(0, data[1:] if path == damaged else _content(path))
        file.close()
    check(files, _PATH)
    directory = LogDirectory.open(files, _PATH, 0)
    for log in directory.partitions():
        log.read(log.log_start_offset, 1 << 20, up_to=log.log_end_offset)
    directory.close()


# -- what groups and transactions keep ----------------------------------------------------------------


_KINDS = list(consumer_records.Kind)


def _consumer_record(data: bytes) -> None:
    kind = _KINDS[data[0] % len(_KINDS)] if data else _KINDS[0]
    key = consumer_records.ConsumerKey(kind, "g", "m")
    consumer_records.applied(ConsumerGroup(group_id="g"), key, data[1:], 0)


def _consumer_records() -> list[bytes]:
    """A record of each kind, behind the number that chooses it here."""
    held = frozenset({TopicIdPartition(bytes(16), 0), TopicIdPartition(bytes(16), 2)})
    classic = ClassicProtocol(session_timeout_ms=1, protocols=(("range", b"metadata"),))
    member = ConsumerMember(
        member_id="m", topics=frozenset({"t"}), regex="a.*", classic=classic, epoch=1, assigned=held
    )
    group = ConsumerGroup(group_id="g", epoch=2, target_epoch=2, members={"m": member}, target={"m": held})
    changes = consumer_records.changes(ConsumerGroup(group_id="g"), group)
    return [bytes([_KINDS.index(key.kind)]) + value for key, value in changes.items() if value is not None]


def _dumped(data: bytes) -> None:
    half = data[0] % (len(data) + 1) if data else 0
    for parser in (OffsetsParser(), TransactionParser()):
        parser.parse(data[1:half] or None, data[half:])


# -- what members and clients say ---------------------------------------------------------------------


def _subscription(data: bytes) -> None:
    read = ConsumerProtocolMemberMetadata.decode(data)
    assert ConsumerProtocolMemberMetadata.decode(read.encode()).subscription == read.subscription


def _assignment(data: bytes) -> None:
    read = ConsumerProtocolMemberAssignment.decode(data)
    assert ConsumerProtocolMemberAssignment.decode(read.encode()).partitions() == read.partitions()


def _claim(data: bytes) -> None:
    assert decode_claim(encode_claim(decode_claim(data))).partitions is not None


def _marker(data: bytes) -> None:
    control.read_marker(data)
    control.read_coordinator_epoch(data)


def _pattern(data: bytes) -> None:
    Pattern(data.decode("utf-8", "replace")).matching(["orders", "", "a" * 50])


_FIRST = scram.client_first("user", "nonce")

DECODERS = [
    Decoder("record batch", _batch, _batches()),
    Decoder("segment", _segment, [*_batches(), b"".join(_batches())]),
    Decoder("offset index", _index(layout.INDEX_SUFFIX), [bytes(8), bytes(range(24))]),
    Decoder("time index", _index(layout.TIME_INDEX_SUFFIX), [bytes(12), bytes(range(36))]),
    Decoder("transaction index", _index(layout.TXN_INDEX_SUFFIX), [bytes(34), bytes(range(68))]),
    Decoder("control record", _marker, [b"\0\0\0\1", b"\0\0\0\0\0\5"]),
    Decoder(
        "snapshot",
        _sidecar(f"{0:020d}{layout.SNAPSHOT_SUFFIX}", snapshot._KIND, snapshot.load),
        [_content(path)[14:] for path in _FILES if path.endswith(layout.SNAPSHOT_SUFFIX)],
    ),
    Decoder(
        "seal",
        _sidecar(f"{0:020d}{layout.SEAL_SUFFIX}", segment._SEAL_KIND, segment.load_seal),
        [_content(path)[14:] for path in _FILES if path.endswith(layout.SEAL_SUFFIX)],
    ),
    Decoder(
        "partition metadata",
        _sidecar(layout.METADATA_FILE, partition_metadata._KIND, _metadata),
        [_content(path)[14:] for path in _FILES if path.endswith(layout.METADATA_FILE)],
    ),
    Decoder(
        "recovery point",
        _slot,
        [_content(path) for path in _FILES if path.endswith(layout.RECOVERY_POINT_FILE)],
    ),
    Decoder("data directory", _directory, [bytes([n]) + _content(path) for n, path in enumerate(_FILES)]),
    Decoder(
        "key of __consumer_offsets",
        group_records.read_key,
        [b"\0\1\0\1g\0\1t\0\0\0\0", b"\0\2\0\1g", b"\0\5\0\1g\0\1m", b"\0\3\0\1g"],
    ),
    Decoder("key of __transaction_state", transaction_records.read_key, [b"\0\0\0\1x"]),
    Decoder(
        "committed offset",
        lambda data: group_records.read_offset(data, 0),
        [b"\0\3" + bytes(12) + b"\0\0" + bytes(8), b"\0\4" + bytes(12) + b"\1" + bytes(9)],
    ),
    Decoder(
        "group",
        lambda data: group_records.read_group("g", data),
        [b"\0\3\0\1c\0\0\0\1\0\1r\0\1m" + bytes(8) + b"\0\0\0\1" + b"\0\1m\xff\xff\0\1c\0\1h" + bytes(16)],
    ),
    Decoder("consumer group", _consumer_record, _consumer_records()),
    Decoder(
        "transaction",
        lambda data: transaction_records.read_transaction("x", data),
        [b"\0\0" + bytes(8) + bytes(2) + bytes(4) + b"\1" + bytes(4) + bytes(16), b"\0\1" + bytes(40)],
    ),
    Decoder("dumped record", _dumped, [b"\x0c\0\1\0\1g\0\1t\0\0\0\0\0\3" + bytes(22)]),
    Decoder(
        "subscription",
        _subscription,
        [
            ConsumerProtocolMemberMetadata(version, ["t", "u"], b"data", [("t", [0, 1])], 3).encode()
            for version in range(4)
        ],
    ),
    Decoder(
        "assignment", _assignment, [ConsumerProtocolMemberAssignment(0, [("t", [0, 1])], b"data").encode()]
    ),
    Decoder("sticky claim", _claim, [encode_claim(Claim([TopicPartition("t", 0)], 4))]),
    Decoder("task assignor", MemberState.from_json, [MemberState("home", 3, ["0_1"], {"0_2": 5}).to_json()]),
    Decoder("pattern", _pattern, [b"orders-.*", rb"(?i)[a-z]{2,5}|\d+", rb"\Qx\E$"]),
    Decoder(
        "scram client first", scram.parse_client_first, [b"n,,n=user,r=nonce", b"y,a=me,n=u=2Cv,r=1,x=2"]
    ),
    Decoder(
        "scram server first",
        lambda data: scram.parse_server_first(data, _FIRST),
        [b"r=noncemore,s=c2FsdHNhbHQ=,i=4096"],
    ),
    Decoder("scram client final", scram.parse_client_final, [b"c=biws,r=noncemore,p=cHJvb2Y="]),
    Decoder(
        "plain",
        lambda data: plain_login._parsed(Secret(data)),
        [b"\0user\0password", b"admin\0user\0password"],
    ),
    Decoder(
        "oauthbearer",
        lambda data: oauthbearer_login._parsed(Secret(data)),
        [b"n,,\1auth=Bearer abc.def.ghi\1\1", b"n,a=user,\1auth=Bearer x\1traceId=1\1\1"],
    ),
    Decoder("key set", jwks.parse, [b'{"keys":[{"kid":"a","kty":"RSA","n":"AQ","e":"AQAB"}]}']),
]


def damaged(seed: bytes, rng: random.Random) -> bytes:
    """A seed with some bytes changed, left out or added, behind its first."""
    found = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(1, len(found) + 1)
        found[at : at + rng.randint(0, 5)] = rng.randbytes(rng.randint(0, 5))
    return bytes(found)


def prepare() -> None:
    """Nothing has to be made."""
