"""The keys that a token issuer has published.

Owns: reading a key set (JWKS), keeping it, and when it is asked for again.
Must not know: tokens; how a document is fetched (``jwks_document``).

Source: RFC 7517
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from streamz_core.errors import Misuse, Retriable

if TYPE_CHECKING:
    from streamz_core.clock import Clock

KEPT_MS: Final = 3_600_000
"""So long a fetched set is believed without asking again."""
UNKNOWN_KEY_MS: Final = 60_000
"""A key that is not in the set makes the set be asked for again, once in so long: strangers choose key ids."""
_KEYS_MAX: Final = 1_000

_log: Final = logging.getLogger(__name__)


class KeysUnavailable(Retriable):
    """The document cannot be had now. The message never has anything of what was received in it."""


class MalformedKeys(Misuse):
    """The document is no key set."""


class Document(Protocol):
    """Where the set is published."""

    async def read(self) -> bytes:
        """The document as it is now. Raises ``KeysUnavailable``."""


class _Jwks(msgspec.Struct):
    keys: list[dict[str, Any]]


class KeySet:
    """An issuer's keys by their ids, as fresh as need be."""

    def __init__(self, document: Document, clock: Clock) -> None:
        self._document = document
        self._clock = clock
        self._keys: dict[str, dict[str, Any]] = {}
        self._read_ms: float | None = None
        self._asked_ms: float | None = None
        self._reading = asyncio.Lock()

    async def key(self, key_id: str) -> dict[str, Any] | None:
        """The key of that id, None if the issuer has published none such."""
        if self._is_due(key_id):
            async with self._reading:
                if self._is_due(key_id):
                    await self._read()
        return self._keys.get(key_id)

    def _is_due(self, key_id: str) -> bool:
        now_ms = self._clock.monotonic_ms()
        if self._asked_ms is not None and now_ms - self._asked_ms < UNKNOWN_KEY_MS:
            return False
        return self._read_ms is None or key_id not in self._keys or now_ms - self._read_ms >= KEPT_MS

    async def _read(self) -> None:
        self._asked_ms = self._clock.monotonic_ms()
        try:
            self._keys = parse(await self._document.read())
            self._read_ms = self._asked_ms
        except (KeysUnavailable, MalformedKeys) as error:
            # The keys there are go on being used: an issuer that is down must not shut everybody out.
            _log.warning("the keys of the token issuer were not read: %s", error)


def parse(document: bytes) -> dict[str, dict[str, Any]]:
    """The public keys of a key set by their ids; one without an id is of no use. Raises ``MalformedKeys``."""
    try:
        found = msgspec.json.decode(document, type=_Jwks).keys
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedKeys("the document is no JSON Web Key Set") from None
    if len(found) > _KEYS_MAX:
        raise MalformedKeys(f"{len(found)} keys; allowed are {_KEYS_MAX}")
    return {key["kid"]: key for key in found if isinstance(key.get("kid"), str) and key.get("kty") != "oct"}
