"""Owns: a service behind connections that answers as a test says, and requests for it.

A request is a line of text: ``name`` is answered at once, ``wait name`` when the test says so (and may be given
up), ``sync name`` likewise but lets the next ``sync`` begin, ``quiet name`` never, ``end reason`` by closing.
"""

import asyncio
from dataclasses import dataclass, field

from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.server.call import Call, ConnectionEnded


def frame(text: str) -> bytearray:
    return bytearray(text.encode())


def framed(*texts: str) -> bytes:
    return b"".join(len(text.encode()).to_bytes(4) + text.encode() for text in texts)


@dataclass
class ScriptedAnswers:
    """See ``call.Answering``."""

    begun: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    open: dict[str, asyncio.Future] = field(default_factory=dict)
    answer_bytes: int = 0
    """Every answer is filled up to this."""

    def begin(self, session, certificate) -> None:
        """Whoever it is may ask."""

    def read(self, session, data: bytearray) -> Call:
        text = data.decode()
        if text.startswith("bad"):
            raise ConnectionEnded("that is no request")
        session.client_id = text
        kind = text.partition(" ")[0]
        return Call(
            ApiVersionsRequest(client_software_name=text),
            None,
            session,
            may_overlap=kind == "sync",
            is_wait=kind == "wait",
        )

    async def answer(self, call: Call):
        kind, _, name = call.request.client_software_name.partition(" ")
        name = name or kind
        self.begun.append(name)
        if kind in ("wait", "sync", "slow"):
            self.open[name] = asyncio.get_running_loop().create_future()
            try:
                await self.open[name]
            except asyncio.CancelledError:
                self.given_up.append(name)
                raise
        if kind == "end":
            raise ConnectionEnded(name)
        if kind == "fail":
            raise RuntimeError(name)
        return None if kind == "quiet" else [name.encode().ljust(self.answer_bytes, b".")]

    async def unmuted(self, session) -> None:
        """Nobody is beyond a quota."""

    def let(self, name: str) -> None:
        """Answer what waits."""
        self.open[name].set_result(None)


class ListOutlet:
    """See ``outlet.Outlet``; keeps what is sent, and is as full as a test says."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.room = asyncio.Event()
        self.room.set()

    def send(self, buffers) -> None:
        self.sent.append(b"".join(buffers))

    async def writable(self) -> None:
        await self.room.wait()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)
