"""From a round of one partition to the batch that agents see.

Owns: decoding a whole part, and stream times.
Must not know: where rounds come from, what becomes of records that do not decode.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.streams.batch import Batch
from streamz_core.streams.stream_times import latest, running_maximum

if TYPE_CHECKING:
    from streamz_core.streams.round import Part, Round

_log = logging.getLogger(__name__)


def decode(round_: Round, stream_time_ms: int, latest_ms: int, *, keep: bool = False) -> Batch:
    """The only part of ``round_`` decoded, to its end or its first bad record, which the round is told.

    ``stream_time_ms`` is the partition's before it; timestamps after ``latest_ms`` do not move it.
    ``keep``: a stream takes the same round after this.
    """
    part = round_.parts[0]
    start, stop = part.start, part.start + round_.count
    columns = part.chunk.columns
    keys, values = part.chunk.decoded(start, stop, keep=keep)
    if len(keys) < stop - start:
        round_.note_bad(len(keys), 0, start + len(keys))
        stop = start + len(keys)
    return Batch(
        source=part.source,
        offsets=columns.offsets[start:stop],
        timestamps=part.chunk.times[start:stop],
        time_before_ms=stream_time_ms,
        latest_ms=latest_ms,
        keys=keys,
        values=values,
        raw_keys=columns.keys[start:stop],
        raw_values=columns.values[start:stop],
        headers=None if columns.headers is None else columns.headers[start:stop],
    )


def stream_time_after(part: Part, count: int, stream_time_ms: int, latest_ms: int) -> int:
    """The partition's stream time once the first ``count`` records of ``part``, at least one, are handled.

    Timestamps after ``latest_ms`` are not believed: they do not move stream time.
    """
    times = part.chunk.times[part.start : part.start + count]
    highest = latest(times)
    if highest <= latest_ms:
        return max(highest, stream_time_ms)
    offsets = part.chunk.columns.offsets
    _log.warning(
        "a record of topic %r partition %d between offsets %d and %d has the timestamp %d, too far ahead "
        "of the clock to be believed (timestamp_ahead_max_ms): it does not move stream time",
        *part.source, offsets[part.start], offsets[part.start + count - 1], highest,
    )  # fmt: skip
    return int(running_maximum(times, stream_time_ms, latest_ms)[-1])
