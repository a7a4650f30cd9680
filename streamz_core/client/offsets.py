"""Offsets as programs hand them in.

Owns: ``check_offsets`` and what it raises.
Must not know: who commits them, or how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.errors import IllegalArgumentError
from streamz_core.model import OffsetAndMetadata, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping


class IllegalOffsetError(IllegalArgumentError, ValueError):
    """A number that cannot be an offset, a time or a count of records."""


class IllegalGroupError(IllegalArgumentError, ValueError):
    """What is given for a group is neither its id nor ``consumer.group_metadata()``."""


class OffsetTypeError(IllegalArgumentError, TypeError):
    """A partition or an offset's text that is of another type."""


def check_offsets(
    offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]],
) -> dict[TopicPartition, OffsetAndMetadata]:
    """``offsets``, which a program may write in several ways, in one.

    Raises ``IllegalOffsetError`` for a wrong value and ``OffsetTypeError`` for a wrong type, the
    ``ValueError`` and ``TypeError`` that aiokafka raises.
    """
    if not offsets or not hasattr(offsets, "items"):
        raise IllegalOffsetError(f"offsets={offsets!r}: must be a dictionary of TopicPartition to offset")
    return {
        partition: OffsetAndMetadata(given)
        if type(given) is int and given >= 0 and type(partition) is TopicPartition
        else _check_offset(partition, given)
        for partition, given in offsets.items()
    }


def _check_offset(partition: object, given: object) -> OffsetAndMetadata:
    if not isinstance(partition, TopicPartition):
        raise OffsetTypeError(f"offsets[{partition!r}]: the key must be a TopicPartition")
    pair = (given, "") if isinstance(given, int) else given
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise IllegalOffsetError(f"offsets[{partition!r}]={given!r}: must be an offset, or (offset, text)")
    offset, metadata = pair
    if not isinstance(offset, int) or offset < 0:
        raise IllegalOffsetError(f"offsets[{partition!r}]={given!r}: the offset must be a number, 0 or more")
    if not isinstance(metadata, str):
        raise OffsetTypeError(
            f"offsets[{partition!r}]={given!r}: the metadata beside the offset must be text"
        )
    return OffsetAndMetadata(offset, metadata)
