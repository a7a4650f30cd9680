"""Owns: planted bugs of reading what has rotted: a checksum or an identity that nobody looks at."""

from __future__ import annotations

from typing import Any

import msgspec

from streamz_core.log import (
    catalog,
    checksummed,
    partition_metadata,
    reader,
    recovery_point,
    segment_scan,
)
from streamz_core.log.errors import DamagedDirectory
from streamz_core.log.recovery import Recovery
from tests.crash.planting import Bug, flips, instead, nothing, replace, swaps


def _calls_everything_torn(original: Any) -> Any:
    def replay_segment(self: Recovery, one: Any, point: Any, follows: int) -> bool:
        torn: bool = original(self, one, point._replace(segment_base=-1, position=0), follows)
        return torn

    return replay_segment


def _believes_its_topic(original: Any) -> Any:
    def metadata(directory: Any) -> Any:
        return partition_metadata.load(directory.files, directory.path)

    return metadata


def _believes_any_catalog(_: Any) -> Any:
    def load(files: Any, path: str) -> Any:
        data = checksummed.read_file(files, f"{path}/{catalog.layout.CATALOG_FILE}")
        try:
            found = msgspec.json.decode(data, type=catalog._Checked)
            return msgspec.json.decode(found.content, type=catalog.Catalog)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedDirectory(path) from error

    return load


def _believes_any_slot(original: Any) -> Any:
    def decode(data: bytes) -> Any:
        body = data[: recovery_point._SLOT.size]
        return original(body + recovery_point._CRC.pack(recovery_point.crc32c(body)))

    return decode


ROT_BUGS = (
    Bug(
        "rot is taken for a torn tail",
        replace(Recovery, "_replay_segment", _calls_everything_torn),
        flips("log"),
    ),
    Bug(
        "a read does not look at checksums",
        replace(reader, "check_crc", instead(lambda *_args: True)),
        flips("log"),
    ),
    Bug(
        "what a batch's checksum leaves out is not looked at",
        replace(segment_scan, "frame_problem", instead(lambda *_args, **_named: "")),
        flips("log"),
    ),
    Bug(
        "a small file's checksum is not looked at",
        replace(checksummed, "unwrap", instead(lambda _kind, data: data[checksummed._FRAME_BYTES :])),
        flips("partition.metadata"),
    ),
    Bug(
        "the catalog's checksum is not looked at",
        replace(catalog, "load_catalog", _believes_any_catalog),
        flips("catalog.json"),
    ),
    Bug(
        "a slot of the recovery point is believed as it is",
        replace(recovery_point, "decode_slot", _believes_any_slot),
        flips("recovery-point"),
    ),
    Bug(
        "another partition's directory is taken for one's own",
        replace(partition_metadata, "load_own", _believes_its_topic),
        swaps("partition.metadata"),
    ),
    Bug(
        "another partition's file is cut as a torn tail",
        replace(Recovery, "_require_known", nothing),
        swaps("log"),
    ),
)
