"""Where a reset of a group's offsets leads: the arithmetic of new offsets.

Owns: the targets, Kafka's way of writing times, durations and files of offsets, and what each means in a partition.
Must not know: groups, requests, command lines.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TARGETS: Final = (
    "to_earliest",
    "to_latest",
    "to_current",
    "to_offset",
    "shift_by",
    "to_datetime",
    "by_duration",
    "from_file",
)
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)


class TargetError(Misuse):
    """A target is none, or two, or is written wrongly."""


class NoOffset(Misuse):
    """There is no offset to go by: none was committed, or the file has none."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of a partition; ``current`` None: nothing committed; ``at_time`` -1: nothing that late."""

    current: int | None
    start: int
    end: int
    at_time: int = -1

    def nearest(self, offset: int) -> int:
        """The offset to which ``offset`` leads, which must be between start and end."""
        return min(max(offset, self.start), self.end)


@dataclass(frozen=True, slots=True)
class ResetTarget:
    """One of ``TARGETS`` and its value."""

    kind: str
    value: Any

    def offset(self, partition: TopicPartition, bounds: Bounds) -> int:
        """The new offset, perhaps outside the bounds; a shift of what was never committed is refused."""
        match self.kind:
            case "to_earliest":
                return bounds.start
            case "to_latest":
                return bounds.end
            case "to_offset":
                return int(self.value)
            case "to_datetime" | "by_duration":
                return bounds.at_time if bounds.at_time >= 0 else bounds.end
            case "to_current":
                return bounds.end if bounds.current is None else bounds.current
        if bounds.current is None:
            raise NoOffset(
                f"{partition.topic}-{partition.partition}: nothing was committed that could be shifted; "
                "use --to-earliest, --to-latest or --to-offset"
            )
        return bounds.current + int(self.value)

    def moment_ms(self, now: datetime) -> int | None:
        """The time that is meant, ms since 1970 and not before; None where the target is no time."""
        if self.kind == "to_datetime":
            return max(0, int(self.value.timestamp() * 1000))
        if self.kind == "by_duration":
            return max(0, int(now.timestamp() * 1000 - self.value / timedelta(milliseconds=1)))
        return None


def target_of(given: Mapping[str, Any], default: str | None = None) -> ResetTarget:
    """The one target that the options name; ``default`` where they name none. Raises ``TargetError``."""
    chosen = [name for name in TARGETS if given[name] is not None and given[name] is not False]
    if not chosen and default is not None:
        return ResetTarget(default, True)
    if len(chosen) != 1:
        names = ", ".join("--" + name.replace("_", "-") for name in TARGETS)
        raise TargetError(f"a reset needs exactly one of {names}")
    (kind,) = chosen
    read = {"to_datetime": _moment, "by_duration": _duration}.get(kind)
    value = given[kind] if read is None else read(given[kind], "--" + kind.replace("_", "-"))
    return ResetTarget(kind, value)


def target_at(text: str, option: str) -> ResetTarget:
    """A time, or a duration before now. Raises ``TargetError`` that names ``option``.

    >>> target_at("PT1H", "--at").kind
    'by_duration'
    """
    if text[:1] in ("P", "p"):
        return ResetTarget("by_duration", _duration(text, option))
    return ResetTarget("to_datetime", _moment(text, option))


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        moment.timestamp()
    except (ValueError, OverflowError):
        raise TargetError(
            f"{option} takes YYYY-MM-DDTHH:mm:SS.sss, with or without a zone, got {text!r}"
        ) from None
    return moment


def _duration(text: str, option: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise TargetError(f"{option} takes PnDTnHnMnS, for instance PT1H30M, got {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise TargetError(f"{option} {text}: longer than can be counted") from None


def offsets_of_file(lines: Iterable[str], group: str) -> dict[TopicPartition, int]:
    """What ``--export`` printed: ``topic,partition,offset``, with the group first where there are several.

    Raises ``TargetError`` with the line that is none.
    """
    offsets: dict[TopicPartition, int] = {}
    for number, row in enumerate(csv.reader(lines), 1):
        if not row:
            continue
        *groups, topic, partition, offset = row if len(row) in (3, 4) else ("", "", "")
        if not (topic and partition.isdigit() and offset.isdigit()):
            raise TargetError(f"--from-file line {number}: expected topic,partition,offset")
        if not groups or groups == [group]:
            offsets[TopicPartition(topic, int(partition))] = int(offset)
    if not offsets:
        raise NoOffset(f"--from-file has no offsets for group {group!r}")
    return offsets
