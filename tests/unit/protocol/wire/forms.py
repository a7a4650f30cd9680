"""Owns: every message there is a table of, in every version, with its plain encoder and decoder."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from streamz_core.protocol.schemas.form import Form
from streamz_core.protocol.schemas.registry import SCHEMAS
from streamz_core.protocol.wire import codec
from streamz_core.protocol.wire.binding import Structure
from streamz_core.protocol.wire.decoder import decoder
from streamz_core.protocol.wire.encoder import encoder
from tests.unit.protocol.wire.random_messages import random_structure


@dataclass(frozen=True)
class Versioned:
    """One side of one API in one version, as it is on the wire: no version's form is adapted to our message's."""

    api_key: int
    version: int
    is_request: bool
    form: Form
    structure: Structure
    flexible: bool

    @property
    def called(self) -> str:
        return f"{self.form.message.__name__}-v{self.version}"

    def random(self, rng: random.Random) -> Any:
        return random_structure(self.structure, rng)

    def compile(self) -> None:
        """Make encoder and decoder now."""
        _ = self._encoder, self._decoder

    def encode(self, value: Any) -> bytes:
        buffers: list[Any] = []
        self._encoder(value, buffers)
        return b"".join(buffers)

    def decode(self, body: bytes) -> Any:
        return self._decoder(memoryview(body))

    @cached_property
    def _encoder(self) -> Any:
        return encoder(self.structure, self.flexible, self.called)

    @cached_property
    def _decoder(self) -> Any:
        return decoder(self.structure, self.flexible, self.called)


def every_version() -> Iterator[Versioned]:
    """All of them, in order."""
    for api_key, (first, last) in codec.supported().items():
        for version in range(first, last + 1):
            for is_request in (True, False):
                yield versioned(api_key, version, is_request)


def versioned(api_key: int, version: int, is_request: bool) -> Versioned:
    """One of them."""
    form = SCHEMAS[api_key].request if is_request else SCHEMAS[api_key].response
    structure, flexible, _ = codec.bound(form, version)
    return Versioned(api_key, version, is_request, form, structure, flexible)
