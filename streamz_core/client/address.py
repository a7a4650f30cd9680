"""The one address grammar: what ``broker=``, ``bootstrap_servers=`` and ``--bootstrap-server`` take.

Owns: text to ``FileAddress``, ``MemoryAddress`` or ``KafkaAddress``, and the errors that say what is
allowed instead.
Must not know: how any of them is opened.

| address | meaning |
|---|---|
| ``file:///path/to/data``, ``file://./data``, ``/path``, ``./path`` | the embedded log in that directory |
| ``memory://name`` | the same engine on files in memory |
| ``host:port[,host:port...]``, ``kafka://host:port`` | a server that speaks the Kafka protocol |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from streamz_core.client.errors import KafkaError
from streamz_core.errors import Misuse

KAFKA_PORT: Final = 9092
"""The port of a host that is named without one."""

_REMEDY: Final = (
    "use file:///path/to/data or a path with a slash for an embedded log, memory://name for one in memory, "
    "or host:port[,host:port] for a Kafka server"
)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?")
_MEMORY_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_PATH_STARTS: Final = ("/", "./", "../", "~")


class AddressError(KafkaError, Misuse, ValueError):
    """An address that cannot be understood, or cannot be opened by this release."""


@dataclass(frozen=True, slots=True)
class FileAddress:
    """The embedded log in a directory."""

    path: str

    def __str__(self) -> str:
        """As an address."""
        return f"file://{self.path}"


@dataclass(frozen=True, slots=True)
class MemoryAddress:
    """The embedded log on files in memory."""

    name: str

    def __str__(self) -> str:
        """As an address."""
        return f"memory://{self.name}"


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Servers that speak the Kafka protocol, as (host, port)."""

    hosts: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        """As an address."""
        return "kafka://" + ",".join(f"{host}:{port}" for host, port in self.hosts)


Address = FileAddress | MemoryAddress | KafkaAddress


def parse(address: str | Sequence[str]) -> Address:
    """Understand ``address``; a sequence is a list of Kafka servers, or one address of any kind.

    Raises ``AddressError`` naming the address and what is allowed.

    >>> parse("memory://orders")
    MemoryAddress(name='orders')
    >>> parse("one:9092,two")
    KafkaAddress(hosts=(('one', 9092), ('two', 9092)))
    """
    if isinstance(address, str):
        return _parse_text(address.strip())
    if not isinstance(address, Sequence) or not all(isinstance(part, str) for part in address):
        raise AddressError(f"{address!r} is not an address: {_REMEDY}")
    if len(address) == 1:
        return _parse_text(address[0].strip())
    return _parse_text(",".join(part.strip() for part in address))


def _parse_text(text: str) -> Address:
    if not text:
        raise AddressError(f"the address is empty: {_REMEDY}")
    if "\x00" in text:
        raise AddressError(f"the address {text!r} holds a null character")
    found = _SCHEME.fullmatch(text)
    if found is None:
        return _without_scheme(text)
    scheme, rest = found.group(1).lower(), found.group(2)
    match scheme:
        case "file":
            return _file(text, rest)
        case "memory":
            return _memory(text, rest)
        case "kafka":
            return _kafka(text, rest)
    raise AddressError(f"the address {text!r} has the unknown scheme {scheme!r}: {_REMEDY}")


def _without_scheme(text: str) -> Address:
    # "data" alone could be a host or a directory; a path is told by a slash, ".", ".." or "~".
    if text.startswith(_PATH_STARTS) or text in (".", "..") or ("/" in text and ":" not in text):
        return FileAddress(text)
    return _kafka(text, text)


def _file(text: str, rest: str) -> FileAddress:
    # RFC 8089 allows the machine's own name before the path, and no other.
    path = unquote(rest.removeprefix("localhost") if rest.startswith("localhost/") else rest)
    if not path or "\x00" in path:
        raise AddressError(
            f"the address {text!r} names no directory: write file:///path/to/data or file://./data"
        )
    if "?" in rest or "#" in rest:
        raise AddressError(
            f"the address {text!r}: a file address takes no options; write %3F or %23 in a path"
        )
    return FileAddress(path)


def _memory(text: str, name: str) -> MemoryAddress:
    if not _MEMORY_NAME.fullmatch(name):
        raise AddressError(
            f"the address {text!r}: the name of an embedded log in memory is made of letters, digits, "
            "'.', '_' and '-', such as memory://orders"
        )
    return MemoryAddress(name)


def _kafka(text: str, rest: str) -> KafkaAddress:
    return KafkaAddress(tuple(_host(text, part.strip()) for part in rest.split(",")))


def _host(text: str, part: str) -> tuple[str, int]:
    found = _HOST_AND_PORT.fullmatch(part)
    if found is None:
        raise AddressError(f"the address {text!r}: {part!r} is not host:port; {_REMEDY}")
    port = int(found.group(2)) if found.group(2) else KAFKA_PORT
    if not 0 < port < 65_536:
        raise AddressError(f"the address {text!r}: port {port} is not between 1 and 65535")
    return found.group(1).strip("[]"), port
