"""Offsets as programs hand them in.

Owns: ``check_offsets``, ``IllegalOffsetError``.
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


def check_offsets(
    offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]],
) -> dict[TopicPartition, OffsetAndMetadata]:
    """``offsets``, which a program may write in several ways, in one; ``IllegalArgumentError`` for others."""
    if not offsets or not hasattr(offsets, "items"):
        raise IllegalArgumentError(f"offsets={offsets!r}: must be a dictionary of TopicPartition to offset")
    checked = {}
    for partition, given in offsets.items():
        pair = (given, "") if isinstance(given, int) else given
        well_formed = (
            isinstance(partition, TopicPartition)
            and isinstance(pair, tuple)
            and len(pair) == 2
            and isinstance(pair[0], int)
            and pair[0] >= 0
            and isinstance(pair[1], str)
        )
        if not well_formed:
            raise IllegalArgumentError(
                f"offsets[{partition!r}]={given!r}: must be TopicPartition to an offset of 0 or more, "
                "or to (offset, metadata text)"
            )
        checked[partition] = OffsetAndMetadata(*pair)
    return checked
