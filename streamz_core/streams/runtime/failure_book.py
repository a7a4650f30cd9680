"""``FailureBook``: what a task knows of records that failed, and what is to become of them.

Owns: attempts, verdicts, and which records must be handled alone.
Must not know: how records are processed, rewound or committed.

A failed record first becomes a *suspect*: the task goes back, comes up to right before the suspect,
commits there and tries it again, alone. Once the attempts are used up there is
a *verdict*: the processor that failed passes the record over, whenever it is met until a commit
has left it behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamz_core.streams.error_policy import ErrorAction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.model import TopicPartition
    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.runtime.failures import RecordOrigin


@dataclass(slots=True)
class Suspect:
    """A record that failed and will be tried again, ``backoff_ms`` after the commit before it."""

    origin: RecordOrigin
    processor: str
    attempts: int = 0
    backoff_ms: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A processor passes a record over, by its policy, for this error."""

    policy: ErrorPolicy
    error: BaseException


class FailureBook:
    """The failed records that a task has not yet left behind."""

    def __init__(self) -> None:
        """Start without any."""
        self.suspect: Suspect | None = None
        self._verdicts: dict[RecordOrigin, dict[str, Verdict]] = {}
        self._apart: dict[TopicPartition, tuple[int, int]] = {}
        """First and last offset of records that failed together."""
        self._flushed_alone: dict[TopicPartition, tuple[int, int]] = {}
        """The same of records after each of which everything held back is sent on."""

    def failed_together(self, partition: TopicPartition, first: int, last: int) -> None:
        """Records taken together failed: each is to be tried alone, to find the one that fails."""
        self._apart[partition] = (first, last)

    def failed_held_back(self, handled: Mapping[TopicPartition, tuple[int, int]]) -> bool:
        """What was held back failed, of the records handled since the last commit (first and last offset).

        Each is to be tried alone, with nothing held back after it. False where that was done already, and none
        of them failed.
        """
        if not handled or self._flushed_alone == handled:
            return False
        self._flushed_alone = dict(handled)
        self._apart.update(handled)
        return True

    def holds_nothing_back(self, origin: RecordOrigin) -> bool:
        """Whether everything held back is to be sent on right behind this record."""
        first, last = self._flushed_alone.get(origin.partition, (0, -1))
        return first <= origin.offset <= last

    def failed(
        self, origin: RecordOrigin, processor: str, policy: ErrorPolicy, error: BaseException
    ) -> ErrorAction | None:
        """Note a failure: ``None`` to try again, else the action the policy ends with.

        Where that is not ``FAIL``, the verdict is noted.
        """
        suspect = self.suspect
        if suspect is None or (suspect.origin, suspect.processor) != (origin, processor):
            suspect = Suspect(origin, processor)
        suspect.attempts += 1
        if suspect.attempts <= policy.retries:
            suspect.backoff_ms = policy.backoff_before_retry_ms(suspect.attempts)
            self.suspect = suspect
            return None
        self.suspect = None
        if policy.action is not ErrorAction.FAIL:
            self._verdicts.setdefault(origin, {})[processor] = Verdict(policy, error)
        return policy.action

    def next_alone(self, partition: TopicPartition, offset: int) -> int | None:
        """The lowest offset of ``partition``, from ``offset`` on, whose record must be handled alone."""
        if self.suspect is None and not self._verdicts and not self._apart:
            return None
        offsets = [origin.offset for origin in self._verdicts if origin.partition == partition]
        if self.suspect is not None and self.suspect.origin.partition == partition:
            offsets.append(self.suspect.origin.offset)
        first, last = self._apart.get(partition, (0, -1))
        if offset <= last:
            offsets.append(max(first, offset))
        return min((known for known in offsets if known >= offset), default=None)

    def verdicts(self, origin: RecordOrigin) -> Mapping[str, Verdict]:
        """By processor: the verdicts on a record."""
        return self._verdicts.get(origin, {})

    def succeeded(self, origin: RecordOrigin) -> None:
        """A record that had to be handled alone was handled by all who do not pass it over."""
        if self.suspect is not None and self.suspect.origin == origin:
            self.suspect = None

    def committed(self, positions: Mapping[TopicPartition, int]) -> None:
        """Forget what commits have left behind; the failures of it will not come back."""
        self._verdicts = {
            origin: verdicts
            for origin, verdicts in self._verdicts.items()
            if origin.offset >= positions.get(origin.partition, 0)
        }
        self._apart = _left_of(self._apart, positions)
        self._flushed_alone = _left_of(self._flushed_alone, positions)


def _left_of(
    ranges: Mapping[TopicPartition, tuple[int, int]], positions: Mapping[TopicPartition, int]
) -> dict[TopicPartition, tuple[int, int]]:
    """The ranges that the positions have not left behind."""
    return {
        partition: (first, last)
        for partition, (first, last) in ranges.items()
        if last >= positions.get(partition, 0)
    }
