"""What SECURITY.md says: other users of the machine read nothing, and nobody is listened to."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from streamz_core import App


async def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await run_an_app(f"file://{tmp_path}/new/data")
    finally:
        os.umask(before)

    made = list((tmp_path / "new").rglob("*"))
    directories = [tmp_path / "new", *(path for path in made if path.is_dir())]
    stores = [path for path in directories if list(path.glob("MANIFEST-*"))]
    files = [path for path in made if path.is_file() and path.parent not in stores]
    open_to_others = [
        path for path in files + stores + [tmp_path / "new/data"] if path.stat().st_mode & 0o077
    ]
    assert stores
    assert len(files) > 10
    assert open_to_others == []


async def test_no_port_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    # The socket in the data directory is a file like the others there, for their owner alone.
    for call in ("bind", "listen", "connect"):
        original = getattr(socket.socket, call)
        monkeypatch.setattr(
            socket.socket,
            call,
            lambda sock, *arguments, call=call, original=original: (
                original(sock, *arguments)
                if sock.family is socket.AF_UNIX
                else opened.append((call, arguments))
            ),
        )

    await run_an_app(f"file://{tmp_path}/data")

    assert opened == []


async def run_an_app(address: str) -> None:
    app = App("private", broker=address)
    names = app.topic("names", value_type=str)
    seen = app.Table("seen", default=int)

    @app.agent(names)
    async def count(stream):
        async for name in stream:
            seen[name] += 1

    async with app:
        await (await names.send(value="ann"))
        while "ann" not in seen:
            await asyncio.sleep(0.01)
