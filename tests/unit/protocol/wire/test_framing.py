"""Owns: which frames come out of which bytes, in whatever pieces these come, and what a length alone costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.protocol.wire.framing import RECEIVE_BYTES, BadFrame, FrameReader, receive_space

FRAME_BYTES_MAX = 1 << 20


def framed(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4) + body for body in bodies)


def read(reader: FrameReader, data: bytes, cuts=()) -> list[bytes]:
    """What the reader makes of ``data`` when it comes in pieces that end at ``cuts``."""
    frames = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        piece = memoryview(data)[start:end]
        while piece:
            space = reader.space()
            count = min(len(space), len(piece))
            space[:count] = piece[:count]
            del space
            frames += reader.received(count)
            piece = piece[count:]
    return [bytes(frame) for frame in frames]


def new_reader(space=None, limit=FRAME_BYTES_MAX) -> FrameReader:
    return FrameReader(receive_space() if space is None else space, limit)


@given(st.data())
def test_frames_do_not_depend_on_the_pieces_they_come_in(data):
    bodies = data.draw(st.lists(st.binary(max_size=40), max_size=8))
    sent = framed(*bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))

    reader = new_reader()

    assert read(reader, sent, cuts) == bodies
    assert not reader.is_amid_frame


@pytest.mark.parametrize(
    "size", [RECEIVE_BYTES - 4, RECEIVE_BYTES, RECEIVE_BYTES + 1, 2 * RECEIVE_BYTES, FRAME_BYTES_MAX]
)
def test_large_frames_come_whole_and_so_does_what_is_behind_them(size):
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)

    assert read(new_reader(), framed(b"first", body, b"last")) == [b"first", body, b"last"]


def test_connections_share_the_space_and_not_what_came():
    space = receive_space()
    one, two = new_reader(space), new_reader(space)
    sent = framed(b"a" * 10, b"b" * 10)

    first = read(one, sent[:2]) + read(one, sent[2:20])
    other = read(two, framed(b"c" * 50))

    assert first == [b"a" * 10]
    assert other == [b"c" * 50]
    assert read(one, sent[20:]) == [b"b" * 10]


def test_a_frame_that_was_given_out_is_not_written_over():
    reader = new_reader()
    space = reader.space()
    space[:7] = framed(b"one")
    (frame,) = reader.received(7)

    read(reader, framed(b"two" * 100))

    assert frame == b"one"


@pytest.mark.parametrize("length", [-1, -(2**31), FRAME_BYTES_MAX + 1, 2**31 - 1])
def test_a_length_no_request_has_is_refused(length):
    with pytest.raises(BadFrame, match=str(length)):
        read(new_reader(), length.to_bytes(4, signed=True) + b"rest")


@pytest.mark.parametrize(
    ("sent", "named"),
    [(b"GET / HTTP/1.1\r\n", "HTTP"), (b"\x16\x03\x01\x02\x00\x01", "TLS"), (b"SSH-2.0", "SSH")],
)
def test_who_speaks_another_protocol_is_told_apart_for_the_log(sent, named):
    with pytest.raises(BadFrame, match=named):
        read(new_reader(), sent)


def test_a_length_alone_takes_little_memory():
    reader = new_reader(limit=100 << 20)

    read(reader, (100 << 20).to_bytes(4) + b"x")

    assert reader.partial_bytes == RECEIVE_BYTES


def test_a_large_frame_takes_at_most_twice_what_has_come_of_it():
    reader, size = new_reader(limit=100 << 20), 3 << 20
    sent = framed(bytes(size))

    for start in range(0, size, 100_000):
        read(reader, sent[start : start + 100_000])
        if reader.is_amid_frame:
            assert reader.partial_bytes <= max(RECEIVE_BYTES, 2 * reader.received_bytes)


def test_the_limit_may_be_raised_between_frames():
    reader = new_reader(limit=10)
    assert read(reader, framed(b"x" * 10)) == [b"x" * 10]

    reader.frame_bytes_max = 100

    assert read(reader, framed(b"y" * 100)) == [b"y" * 100]
