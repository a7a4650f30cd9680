"""Every decoder of the wire protocol's messages, for a fuzzer: ``make fuzz``.

Owns: ``one_input``: what must hold of any bytes; ``seeds`` to begin with.
Must not know: who makes the bytes up.

An input's first three bytes choose a message and a version, the rest is its body.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from streamz_core.protocol.wire.framing import BadFrame, FrameReader, receive_space
from streamz_core.protocol.wire.headers import read_request_header, read_response_header
from streamz_core.protocol.wire.malformed import MalformedMessage
from tests.unit.protocol.wire.forms import Versioned, every_version

MESSAGES = list(every_version())
FRAME_BYTES_MAX = 1 << 16
_SPACE = receive_space()


def one_input(data: bytes) -> None:
    """Read ``data`` as frames, as headers and as the message it chooses; whatever it is, nothing else may be raised."""
    if len(data) < 2:
        return
    one = MESSAGES[int.from_bytes(data[:2]) % len(MESSAGES)]
    body = data[2:]
    _frames(body)
    _headers(one, body)
    try:
        message = one.decode(body)
    except MalformedMessage:
        return
    # What was read can be written, and is the same when it is read again.
    written = one.encode(message)
    assert one.encode(one.decode(written)) == written


def seeds() -> Iterator[bytes]:
    """Inputs that are well formed: each message in each version, with random contents."""
    for place, one in enumerate(MESSAGES):
        yield place.to_bytes(2) + one.encode(one.random(random.Random(one.called)))


def _headers(one: Versioned, body: bytes) -> None:
    for read in (
        lambda: read_request_header(memoryview(body)),
        lambda: read_response_header(one.api_key, one.version, memoryview(body)),
    ):
        try:
            _, position = read()
        except MalformedMessage:
            continue
        assert 0 < position <= len(body)


def _frames(body: bytes) -> None:
    reader = FrameReader(_SPACE, FRAME_BYTES_MAX)
    try:
        while body:
            space = reader.space()
            part = body[: min(len(space), 1 + body[0])]
            space[: len(part)] = part
            for frame in reader.received(len(part)):
                assert len(frame) <= FRAME_BYTES_MAX
            body = body[len(part) :]
    except BadFrame:
        return


def prepare() -> None:
    """Write the decoders, so that a fuzzer sees which of their lines it has reached."""
    for one in MESSAGES:
        one.compile()
