"""Histories as files: one for each life, written while it lives, outside of the data directory.

Owns: writing operations so that ``kill -9`` at any moment loses at most the one being written, and
reading them back in order.
Must not know: what the operations mean.

An operation is one line, written by one ``write`` to a file opened with ``O_APPEND``: it is in the
kernel's hands before the call that it tells of is made, or before its caller goes on.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tests.chaos.operations import AnyOperation, History, Opening

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyOperation)


class Journal:
    """One life's history, being written."""

    def __init__(self, directory: str, life: int) -> None:
        os.makedirs(directory, exist_ok=True)
        path = f"{directory}/{life:06}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.life = life
        self._calls = 0
        self.write(Opening(life))

    def write(self, *operations: AnyOperation) -> None:
        """Add operations, in order."""
        os.write(self._fd, b"".join(_encoder.encode(operation) + b"\n" for operation in operations))

    def call(self) -> str:
        """A name for a call, or for anything else that must not be there twice in a history."""
        self._calls += 1
        return f"{self.life}.{self._calls}"

    def close(self) -> None:
        """Give the file back."""
        os.close(self._fd)


def decode(written: bytes) -> list[AnyOperation]:
    """The operations of one file; what follows the last line end was cut off by the kill."""
    return [_decoder.decode(line) for line in written.split(b"\n")[:-1]]


def load(directory: str) -> History:
    """The history of all lives in ``directory``, one after the other."""
    paths = sorted(Path(directory).glob("*.jsonl"))
    return tuple(operation for path in paths for operation in decode(path.read_bytes()))
