"""Which topics there are, and the format of the directory: the two files that describe it as a whole.

Owns: ``catalog.json`` and ``streamz.json``, each JSON with a checksum, replaced atomically.
Must not know: partitions' contents.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from streamz_core.log import checksummed, layout
from streamz_core.log.access import Access, decode_secret, encode_secret
from streamz_core.log.errors import DamagedDirectory, ForeignDirectory, NewerFormat
from streamz_core.log.files import Files
from streamz_core.protocol.crc import crc32c

FORMAT_NAME: Final = "streamz"
FORMAT_VERSION: Final = 1


class TopicEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One topic. ``configs`` are the settings that were given, under Kafka's names."""

    name: str
    topic_id: UUID
    partitions: int
    configs: dict[str, str] = {}


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The topics, and the topics whose files are still to be removed."""

    owner_epoch: int = 0
    """How often the directory was opened for writing."""
    topics: list[TopicEntry] = []
    deleting: list[UUID] = []
    broker_configs: dict[str, str] = {}
    """The broker's settings that were changed while it ran, under Kafka's names."""
    cluster_configs: dict[str, str] = {}
    """The same, for all the brokers of a cluster: ours has one, Kafka's tools know both."""
    access: Access = Access()
    """Who may do what over a port, and who is who."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """What the directory is."""

    format: str
    version: int
    cluster_id: str


class _Checked(msgspec.Struct):
    crc32c: int
    content: msgspec.Raw


def load_format(files: Files, path: str) -> Format | None:
    """The format file, or None.

    Raises ``ForeignDirectory``, ``NewerFormat``, ``DamagedDirectory``.
    """
    name = f"{path}/{layout.FORMAT_FILE}"
    data = checksummed.read_file(files, name)
    if data is None:
        return None
    try:
        found = msgspec.json.decode(data, type=_Checked)
        described = msgspec.json.decode(found.content, type=Format)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ForeignDirectory(
            f"{name} is not the format file of a streamz data directory; use another directory"
        ) from None
    if described.format != FORMAT_NAME:
        raise ForeignDirectory(f"{path} is a directory of format {described.format!r}; use another one")
    if described.version > FORMAT_VERSION:
        raise NewerFormat(
            f"{path} has format version {described.version}, this streamz reads {FORMAT_VERSION}: upgrade it"
        )
    if crc32c(bytes(found.content)) != found.crc32c:
        raise DamagedDirectory(f"{name} is damaged (its checksum is wrong); restore it from a backup")
    return described


def store_format(files: Files, path: str, cluster_id: str) -> Format:
    """Write the format file; durable when this returns."""
    described = Format(format=FORMAT_NAME, version=FORMAT_VERSION, cluster_id=cluster_id)
    checksummed.replace(files, f"{path}/{layout.FORMAT_FILE}", _checked(msgspec.json.encode(described)))
    return described


def load_catalog(files: Files, path: str) -> Catalog:
    """The catalog. Raises ``DamagedDirectory`` if it is missing or damaged."""
    name = f"{path}/{layout.CATALOG_FILE}"
    data = checksummed.read_file(files, name)
    if data is None:
        raise DamagedDirectory(f"{name} is missing; restore it from a backup")
    try:
        found = msgspec.json.decode(data, type=_Checked)
        if crc32c(bytes(found.content)) != found.crc32c:
            raise DamagedDirectory(f"{name} is damaged (its checksum is wrong); restore it from a backup")
        return msgspec.json.decode(found.content, type=Catalog, dec_hook=decode_secret)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedDirectory(f"{name} is damaged ({error}); restore it from a backup") from None


def store_catalog(files: Files, path: str, catalog: Catalog) -> None:
    """Replace the catalog; durable when this returns."""
    content = msgspec.json.encode(catalog, enc_hook=encode_secret)
    checksummed.replace(files, f"{path}/{layout.CATALOG_FILE}", _checked(content))


def _checked(content: bytes) -> bytes:
    return b'{"crc32c":%d,"content":%b}\n' % (crc32c(content), content)
