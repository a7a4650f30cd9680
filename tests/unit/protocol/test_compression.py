"""Compression: Kafka's framing, both directions against aiokafka, and bombs that do not go off."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec as aiokafka_codec
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.protocol.compression import Compression, compress, decompress
from streamz_core.protocol.corrupt import CorruptBatch

PACKED = [codec for codec in Compression if codec]
JSON = b"".join(
    b'{"user":"u%05d","page":"/p/%d","ms":%d}' % (n * 7919 % 90_000, n % 97, n) for n in range(9_000)
)
SAMPLES = [b"", b"a", b"abc" * 30, bytes(200_000), JSON]

AIOKAFKA: dict[Compression, tuple[Callable[..., bytes], Callable[..., bytes]]] = {
    Compression.GZIP: (aiokafka_codec.gzip_encode, aiokafka_codec.gzip_decode),
    Compression.SNAPPY: (aiokafka_codec.snappy_encode, aiokafka_codec.snappy_decode),
    Compression.LZ4: (aiokafka_codec.lz4_encode, aiokafka_codec.lz4_decode),
    Compression.ZSTD: (aiokafka_codec.zstd_encode, aiokafka_codec.zstd_decode),
}


@pytest.mark.parametrize("sample", SAMPLES, ids=len)
@pytest.mark.parametrize("codec", PACKED)
def test_aiokafka_unpacks_ours_and_we_unpack_aiokafkas(codec: Compression, sample: bytes) -> None:
    pack, unpack = AIOKAFKA[codec]

    assert unpack(compress(codec, sample)) == sample
    assert decompress(codec, pack(sample)) == sample


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=2_000), repeat=st.integers(1, 60), codec=st.sampled_from(Compression))
def test_what_is_packed_is_unpacked(data: bytes, repeat: int, codec: Compression) -> None:
    whole = data * repeat

    packed = compress(codec, whole)

    assert decompress(codec, packed, len(whole)) == whole
    assert decompress(codec, memoryview(packed), len(whole)) == whole
    assert decompress(codec, bytearray(packed), len(whole)) == whole
    if whole:
        with pytest.raises(CorruptBatch, match=r"limit|more than"):
            decompress(codec, packed, len(whole) - 1)


@pytest.mark.parametrize("codec", PACKED)
def test_levels(codec: Compression) -> None:
    if codec is Compression.SNAPPY:
        return
    sizes = [len(compress(codec, JSON, level)) for level in (1, 9)]

    assert sizes[1] < sizes[0] < len(JSON) / 2
    for level in (-100, 100):
        with pytest.raises(Misuse, match=f"{codec.name.lower()} level {level}; allowed"):
            compress(codec, JSON, level)


def test_names() -> None:
    assert [Compression.from_name(name) for name in (None, "none", "gzip", "snappy", "lz4", "zstd")] == [
        Compression.NONE,
        Compression.NONE,
        Compression.GZIP,
        Compression.SNAPPY,
        Compression.LZ4,
        Compression.ZSTD,
    ]
    with pytest.raises(Misuse, match="'brotli' is not known; allowed: none, gzip, snappy, lz4, zstd"):
        Compression.from_name("brotli")


def test_snappy_is_the_xerial_stream_and_raw_is_read_too() -> None:
    packed = compress(Compression.SNAPPY, JSON)

    assert packed.startswith(b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
    assert packed == aiokafka_codec.snappy_encode(JSON)
    assert decompress(Compression.SNAPPY, bytes(cramjam.snappy.compress_raw(JSON))) == JSON


def test_lz4_blocks_do_not_refer_to_each_other() -> None:
    packed = compress(Compression.LZ4, JSON)

    assert packed[:4] == (0x184D2204).to_bytes(4, "little")
    assert packed[4] & 0x20, "the Java client refuses linked blocks"
    linked = cramjam.lz4.Compressor(level=4, block_linked=True)
    linked.compress(JSON)
    assert decompress(Compression.LZ4, bytes(linked.finish())) == JSON


def test_frames_other_clients_may_write() -> None:
    members = gzip.compress(JSON[:1_000]) + gzip.compress(JSON[1_000:])
    frames = bytes(cramjam.zstd.compress(JSON[:1_000])) + bytes(cramjam.zstd.compress(JSON[1_000:]))
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    streamed = cramjam.zstd.Compressor()
    streamed.compress(JSON)

    assert decompress(Compression.GZIP, members) == JSON
    assert decompress(Compression.ZSTD, frames) == JSON
    assert decompress(Compression.ZSTD, skippable + frames) == JSON
    assert decompress(Compression.ZSTD, bytes(streamed.finish())) == JSON


@pytest.mark.parametrize("sample", [JSON[:3_000], bytes(5_000)], ids=["json", "zeros"])
@pytest.mark.parametrize("codec", PACKED)
def test_cut_anywhere_or_followed_by_more_is_corrupt(codec: Compression, sample: bytes) -> None:
    packed = compress(codec, sample)

    for size in range(len(packed)):
        try:
            found = decompress(codec, packed[:size])
        except CorruptBatch:
            continue
        # Only the xerial stream has no end of its own: whole blocks are a stream.
        assert codec is Compression.SNAPPY
        assert sample.startswith(found)
    with pytest.raises(CorruptBatch):
        decompress(codec, packed + b"\x01")


@pytest.mark.parametrize("sample", [JSON[:2_000], bytes(100_000)], ids=["json", "zeros"])
@pytest.mark.parametrize("codec", PACKED)
def test_flipped_bits_end_in_corrupt_or_bytes_within_the_limit(codec: Compression, sample: bytes) -> None:
    packed = compress(codec, sample)

    for index in range(len(packed)):
        for flip in (0x01, 0x10, 0x80, 0xFF):
            damaged = bytearray(packed)
            damaged[index] ^= flip
            try:
                assert len(decompress(codec, damaged, 150_000)) <= 150_000
            except CorruptBatch:
                continue


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=60), codec=st.sampled_from(PACKED), magic=st.booleans())
def test_any_bytes_end_in_corrupt_or_bytes(data: bytes, codec: Compression, magic: bool) -> None:
    starts = {
        Compression.GZIP: b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
        Compression.SNAPPY: b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01",
        Compression.LZ4: b"\x04\x22\x4d\x18",
        Compression.ZSTD: b"\x28\xb5\x2f\xfd",
    }
    try:
        assert len(decompress(codec, starts[codec] + data if magic else data, 1 << 20)) <= 1 << 20
    except CorruptBatch:
        return


def zstd_frame(body: bytes, *, descriptor: int, fields: bytes) -> bytes:
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor]) + fields + body


def zstd_block(kind: int, size: int, *, last: bool) -> bytes:
    return (size << 3 | kind << 1 | last).to_bytes(3, "little")


RLE = b"".join(zstd_block(1, 128 << 10, last=False) + b"\0" for _ in range(8_000)) + zstd_block(
    0, 0, last=True
)


@pytest.mark.parametrize(
    ("codec", "bomb"),
    [
        # Each is small, claims or holds a gigabyte or more, and differs in how.
        (Compression.GZIP, compress(Compression.GZIP, bytes(30 << 20))),
        (Compression.SNAPPY, b"\xff\xff\xff\xff\x0f\x00\x00"),
        (
            Compression.SNAPPY,
            compress(Compression.SNAPPY, b"")[:16] + b"\x00\x00\x00\x07\xff\xff\xff\xff\x0f\x00\x00",
        ),
        (Compression.SNAPPY, compress(Compression.SNAPPY, bytes(30 << 20))),
        (Compression.SNAPPY, bytes(cramjam.snappy.compress_raw(bytes(30 << 20)))),
        (Compression.LZ4, compress(Compression.LZ4, bytes(30 << 20))),
        (
            Compression.LZ4,
            b"\x04\x22\x4d\x18\x68\x70" + (1 << 40).to_bytes(8, "little") + b"\x00" + b"\x00" * 4,
        ),
        (Compression.ZSTD, compress(Compression.ZSTD, bytes(30 << 20))),
        (Compression.ZSTD, zstd_frame(RLE, descriptor=0x00, fields=b"\x58")),
        (Compression.ZSTD, zstd_frame(RLE, descriptor=0xE0, fields=(8_000 << 17).to_bytes(8, "little"))),
        (
            Compression.ZSTD,
            zstd_frame(zstd_block(0, 0, last=True), descriptor=0xE0, fields=b"\0\0\0\0\0\1\0\0"),
        ),
        (Compression.ZSTD, zstd_frame(zstd_block(0, 0, last=True), descriptor=0x00, fields=b"\xff")),
        (
            Compression.ZSTD,
            zstd_frame(zstd_block(0, 0, last=True), descriptor=0xC0, fields=b"\x00" + b"\xff" * 8),
        ),
    ],
)
def test_a_bomb_is_refused_in_little_memory(codec: Compression, bomb: bytes) -> None:
    limit = 1 << 20

    tracemalloc.start()
    with pytest.raises(CorruptBatch):
        decompress(codec, bomb, limit)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * limit + 2 * len(bomb) + 100_000


def test_uncompressed_records_have_the_limit_too() -> None:
    assert decompress(Compression.NONE, memoryview(b"abc")) == b"abc"
    assert compress(Compression.NONE, b"abc") == b"abc"
    with pytest.raises(CorruptBatch, match="limit of 2 bytes"):
        decompress(Compression.NONE, b"abc", 2)


def test_wrong_checksums_inside_are_found() -> None:
    packed = bytearray(zlib.compress(JSON, wbits=31))
    packed[-6] ^= 1

    with pytest.raises(CorruptBatch, match="gzip data cannot be unpacked"):
        decompress(Compression.GZIP, packed)
