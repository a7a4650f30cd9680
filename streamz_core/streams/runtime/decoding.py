"""From fetched bytes to the batch that processors see.

Owns: decoding a slice by the source's codecs, finding what did not decode, stream times.
Must not know: where slices come from, what becomes of failures.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.failure import DecodeFailure
from streamz_core.streams.batch import Batch
from streamz_core.streams.runtime.columns import has_failure, latest, running_maximum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.streams.runtime.input import Slice
    from streamz_core.streams.topology import SourceSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A record that did not decode: its index in the fetched columns, and why.

    ``good_before`` records of the slice's batch come before it.
    """

    index: int
    good_before: int
    error: Exception


@dataclass(slots=True)
class DecodedSlice:
    """What of a slice decoded, as a batch, and what did not.

    ``indexes[i]`` is where record ``i`` of the batch stands in the fetched columns; ``None`` where
    everything decoded and they only differ by the slice's start.
    """

    source: Slice
    batch: Batch
    undecodable: Sequence[Undecodable]
    indexes: Sequence[int] | None

    def column_index(self, batch_index: int) -> int:
        """Where a record of the batch stands in the fetched columns; past the end for its length."""
        if batch_index == len(self.batch):
            return self.source.stop
        return self.source.start + batch_index if self.indexes is None else self.indexes[batch_index]


_NONE: Final[Sequence[Undecodable]] = ()


def decode(piece: Slice, source: SourceSpec, stream_time_ms: int, latest_ms: int) -> DecodedSlice:
    """Decode ``piece``; ``stream_time_ms`` is the partition's before it.

    Timestamps after ``latest_ms`` are not believed: they do not move stream time.
    """
    columns, start, stop = piece.columns, piece.start, piece.stop
    raw_keys, raw_values = columns.keys[start:stop], columns.values[start:stop]
    keys, values = source.key_codec.decode(raw_keys), source.value_codec.decode(raw_values)
    timestamps = columns.timestamps[start:stop]
    batch = Batch(
        source=piece.partition,
        offsets=columns.offsets[start:stop],
        timestamps=timestamps,
        stream_times=_stream_times(piece, timestamps, stream_time_ms, latest_ms),
        keys=keys,
        values=values,
        raw_keys=raw_keys,
        raw_values=raw_values,
        headers=None if columns.headers is None else columns.headers[start:stop],
    )
    if has_failure(values) or has_failure(keys):
        return _without_failures(piece, batch)
    return DecodedSlice(piece, batch, _NONE, None)


def _stream_times(piece: Slice, timestamps: list[int], stream_time_ms: int, latest_ms: int) -> list[int]:
    if latest(timestamps) > latest_ms:
        _log.warning(
            "a record of topic %r partition %d between offsets %d and %d has the timestamp %d, too far ahead "
            "of the clock to be believed (timestamp_ahead_max_ms): it does not move stream time",
            *piece.partition, piece.columns.offsets[piece.start], piece.next_offset - 1, latest(timestamps),
        )  # fmt: skip
    return running_maximum(timestamps, stream_time_ms, latest_ms)


def _without_failures(piece: Slice, batch: Batch) -> DecodedSlice:
    good: list[int] = []
    undecodable: list[Undecodable] = []
    for index, (key, value) in enumerate(zip(batch.keys, batch.values, strict=True)):
        failure = next((part for part in (key, value) if type(part) is DecodeFailure), None)
        if failure is None:
            good.append(index)
        else:
            undecodable.append(Undecodable(piece.start + index, len(good), failure.error))

    def kept(column: Sequence[Any]) -> list[Any]:
        return [column[index] for index in good]

    remaining = Batch(
        source=batch.source,
        offsets=kept(batch.offsets),
        timestamps=kept(batch.timestamps),
        stream_times=kept(batch.stream_times),
        keys=kept(batch.keys),
        values=kept(batch.values),
        raw_keys=kept(batch.raw_keys),
        raw_values=kept(batch.raw_values),
        headers=None if batch.headers is None else kept(batch.headers),
    )
    return DecodedSlice(piece, remaining, undecodable, [piece.start + index for index in good])
