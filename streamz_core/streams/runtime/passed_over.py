"""``PassedOver``: records that a task leaves behind unhandled, by policy.

Owns: sending their dead letters, logging and counting them; the counts move with the commits.
Must not know: why a record is passed over, rewinding, commits' contents.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from streamz_core.streams.error_policy import SKIP, ErrorAction
from streamz_core.streams.runtime.failures import (
    OMITTED_HEADER,
    RecordOrigin,
    dead_letter_headers,
    dead_letter_topic,
)
from streamz_core.streams.runtime.output import NO_HEADERS, headers_bytes
from streamz_core.streams.timestamp_extractors import TimestampDropped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.round import Part
    from streamz_core.streams.runtime.failure_book import Verdict
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

    def by_policy(self, errors: Sequence[Exception], source: SourceSpec) -> Sequence[Exception]:
        """Those of ``errors`` that a record may be passed over for, up to the first that it may not."""
        for index, error in enumerate(errors):
            if _policy(error, source).action is ErrorAction.FAIL:
                return errors[:index]
        return errors

    def undecodable(self, part: Part, index: int, errors: Sequence[Exception], source: SourceSpec) -> None:
        """The records of a part's chunk from ``index`` on, one for each of ``errors``."""
        for at, error in enumerate(errors, index):
            policy = _policy(error, source)
            origin = RecordOrigin(part.source, part.chunk.columns.offsets[at])
            _log.warning("%s does not decode (%s): %s", origin, policy.action.value, error)
            self._pass_over(part, at, policy, error, source.name)

    def verdicts(self, part: Part, verdicts: Mapping[str, Verdict]) -> None:
        """The part's only record, for each processor with a verdict on it."""
        for processor, verdict in verdicts.items():
            self._pass_over(part, part.start, verdict.policy, verdict.error, processor)

    def committed(self) -> None:
        """What was passed over so far will not come again."""
        self._committed += self._pending
        self._pending.clear()

    def discard(self) -> None:
        """What was passed over since the last commit will come again."""
        self._pending.clear()

    def _pass_over(self, part: Part, index: int, policy: ErrorPolicy, error: BaseException, who: str) -> None:
        self._pending[policy.action] += 1
        if policy.action is not ErrorAction.DEAD_LETTER:
            return
        columns = part.chunk.columns
        key, value, timestamp = columns.keys[index], columns.values[index], columns.timestamps[index]
        origin = RecordOrigin(part.source, columns.offsets[index])
        original = NO_HEADERS if columns.headers is None else columns.headers[index]
        facts = dead_letter_headers(error, origin, timestamp, self._app_id, f"{self._task_id}/{who}")
        size = len(key or b"") + len(value or b"") + headers_bytes(original) + headers_bytes(facts)
        if size > self._outputs.record_bytes_max:
            # Its topic may hold larger records than others do; what fits says where to find the rest.
            key = value = None
            original, facts = NO_HEADERS, [*facts, (OMITTED_HEADER, b"%d" % size)]
        self._outputs.send(
            dead_letter_topic(policy, part.source.topic), key, value, timestamp, [*original, *facts]
        )


def _policy(error: Exception, source: SourceSpec) -> ErrorPolicy:
    """What becomes of a record that could not be read: what an extractor drops is no error of the source."""
    return SKIP if isinstance(error, TimestampDropped) else source.on_decode_error
