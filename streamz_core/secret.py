"""Bytes that must not be seen.

Owns: ``Secret``, which passwords, keys and tokens travel in, so that no log line, error or traceback shows them.
Must not know: what the secret is for; this module imports nothing of the project.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A password, key or token; shown as ``Secret(***)`` wherever it is printed.

    Compared in constant time; not hashable, and no serialiser of this project takes it.

    >>> Secret(b"alice's password")
    Secret(***)
    >>> f"{Secret.of('text')}"
    'Secret(***)'
    """

    __slots__ = ("_content",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        self._content = bytes(content)

    @classmethod
    def of(cls, text: str) -> Secret:
        """A secret that is text, as UTF-8."""
        return cls(text.encode())

    def reveal(self) -> bytes:
        """The bytes. Use them in the expression that asks for them, and keep them in no variable."""
        return self._content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._content, other._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")
