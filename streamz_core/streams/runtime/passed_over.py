"""``PassedOver``: records that a task leaves behind unhandled, by policy.

Owns: sending their dead letters, logging and counting them; the counts move with the commits.
Must not know: why a record is passed over, rewinding, commits' contents.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from streamz_core.streams.error_policy import ErrorAction
from streamz_core.streams.runtime.failures import (
    OMITTED_HEADER,
    RecordOrigin,
    dead_letter_headers,
    dead_letter_topic,
)
from streamz_core.streams.runtime.output import NO_HEADERS, headers_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.runtime.decoding import DecodedSlice, Undecodable
    from streamz_core.streams.runtime.failure_book import Verdict
    from streamz_core.streams.runtime.input import Slice
    from streamz_core.streams.runtime.output import OutputBuffer
    from streamz_core.streams.topology import SourceSpec

_log = logging.getLogger(__name__)


class PassedOver:
    """What one task skips and sends to dead-letter topics."""

    def __init__(self, outputs: OutputBuffer, app_id: str, task_id: str) -> None:
        """Dead letters go to ``outputs``, and so into the commit of the offsets behind them."""
        self._outputs = outputs
        self._app_id = app_id
        self._task_id = task_id
        self._pending: Counter[ErrorAction] = Counter()
        self._committed: Counter[ErrorAction] = Counter()

    @property
    def skipped_count(self) -> int:
        """Records skipped, as of the last commit."""
        return self._committed[ErrorAction.SKIP]

    @property
    def dead_letter_count(self) -> int:
        """Dead letters sent, as of the last commit."""
        return self._committed[ErrorAction.DEAD_LETTER]

    def undecodable(
        self, decoded: DecodedSlice, done: int, fatal: Undecodable | None, source: SourceSpec
    ) -> None:
        """Of the slice's first ``done`` good records: the bad ones among and right behind them."""
        piece, policy = decoded.source, source.on_decode_error
        for bad in decoded.undecodable:
            if bad is fatal or bad.good_before > done:
                return
            origin = RecordOrigin(piece.partition, piece.columns.offsets[bad.index])
            _log.warning("%s does not decode (%s): %s", origin, policy.action.value, bad.error)
            self._pass_over(piece, bad.index, policy, bad.error, source.name)

    def verdicts(self, piece: Slice, verdicts: Mapping[str, Verdict]) -> None:
        """The slice's only record, for each processor with a verdict on it."""
        for processor, verdict in verdicts.items():
            self._pass_over(piece, piece.start, verdict.policy, verdict.error, processor)

    def committed(self) -> None:
        """What was passed over so far will not come again."""
        self._committed += self._pending
        self._pending.clear()

    def discard(self) -> None:
        """What was passed over since the last commit will come again."""
        self._pending.clear()

    def _pass_over(
        self, piece: Slice, index: int, policy: ErrorPolicy, error: BaseException, who: str
    ) -> None:
        self._pending[policy.action] += 1
        if policy.action is not ErrorAction.DEAD_LETTER:
            return
        columns = piece.columns
        key, value, timestamp = columns.keys[index], columns.values[index], columns.timestamps[index]
        origin = RecordOrigin(piece.partition, columns.offsets[index])
        original = NO_HEADERS if columns.headers is None else columns.headers[index]
        facts = dead_letter_headers(error, origin, timestamp, self._app_id, f"{self._task_id}/{who}")
        size = len(key or b"") + len(value or b"") + headers_bytes(original) + headers_bytes(facts)
        if size > self._outputs.record_bytes_max:
            # Its topic may hold larger records than others do; what fits says where to find the rest.
            key = value = None
            original, facts = NO_HEADERS, [*facts, (OMITTED_HEADER, b"%d" % size)]
        self._outputs.send(
            dead_letter_topic(policy, piece.partition.topic), key, value, timestamp, [*original, *facts]
        )
