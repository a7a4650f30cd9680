"""Versions that have room for one thing where we have several.

Owns: ``OneAtATime``.
Must not know: which APIs have such versions.
"""

from __future__ import annotations

from streamz_core.errors import Misuse


class OneAtATime(Misuse):
    """A request asks for several things in a version that has room for one: send one request for each."""

    def __init__(self, request: str, version: int, count: int) -> None:
        super().__init__(f"{request} v{version} has room for one, not for {count}: send one request for each")
