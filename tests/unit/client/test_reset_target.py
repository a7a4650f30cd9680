"""The arithmetic of resets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streamz_core.client.reset_target import (
    TARGETS,
    Bounds,
    NoOffset,
    ResetTarget,
    TargetError,
    offsets_of_file,
    target_of,
)
from streamz_core.model import TopicPartition

NOTHING = {name: False if name in ("to_earliest", "to_latest", "to_current") else None for name in TARGETS}
PARTITION = TopicPartition("t", 0)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("option", "value", "bounds", "expected"),
    [
        ("to_earliest", True, Bounds(7, 3, 10), 3),
        ("to_latest", True, Bounds(7, 3, 10), 10),
        ("to_current", True, Bounds(7, 3, 10), 7),
        ("to_current", True, Bounds(None, 3, 10), 10),
        ("to_offset", 0, Bounds(7, 3, 10), 0),
        ("to_offset", 99, Bounds(7, 3, 10), 99),
        ("shift_by", -5, Bounds(7, 3, 10), 2),
        ("shift_by", 0, Bounds(7, 3, 10), 7),
        ("to_datetime", "2026-01-01", Bounds(7, 3, 10, 5), 5),
        ("by_duration", "PT1H", Bounds(7, 3, 10, -1), 10),
    ],
)
def test_each_target_leads_to_its_offset(option, value, bounds, expected):
    assert target_of({**NOTHING, option: value}).offset(PARTITION, bounds) == expected


def test_an_offset_outside_the_log_becomes_the_nearest_one():
    bounds = Bounds(7, 3, 10)

    assert [bounds.nearest(offset) for offset in (-1, 3, 5, 10, 99)] == [3, 3, 5, 10, 10]


def test_what_was_never_committed_cannot_be_shifted():
    with pytest.raises(NoOffset, match="t-0: nothing was committed"):
        target_of({**NOTHING, "shift_by": 1}).offset(PARTITION, Bounds(None, 0, 10))


@pytest.mark.parametrize(
    "given", [{}, {"to_offset": 0, "shift_by": 0}, {"to_earliest": True, "to_latest": True}]
)
def test_there_is_exactly_one_target(given):
    with pytest.raises(TargetError, match="exactly one"):
        target_of({**NOTHING, **given})


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("to_datetime", "2026-01-01T00:00:00.250", 1_767_225_600_250),
        ("to_datetime", "2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("to_datetime", "1960-01-01", 0),
        ("by_duration", "P1D", 1_767_225_600_000),
        ("by_duration", "PT23H59M60S", 1_767_225_600_000),
        ("by_duration", "pt0.5s", 1_767_311_999_500),
        ("by_duration", "P99999D", 0),
    ],
)
def test_times_are_understood(option, text, expected):
    assert target_of({**NOTHING, option: text}).moment_ms(NOW) == expected


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("to_datetime", "yesterday"),
        ("by_duration", "P"),
        ("by_duration", "PT"),
        ("by_duration", "1H"),
        ("by_duration", "P9999999999D"),
    ],
)
def test_times_that_are_none_are_refused(option, text):
    with pytest.raises(TargetError, match="--" + option.replace("_", "-")):
        target_of({**NOTHING, option: text})


def test_without_a_target_the_default_is_taken():
    assert target_of(NOTHING, "to_earliest") == ResetTarget("to_earliest", True)
    assert target_of({**NOTHING, "to_offset": 0}, "to_earliest") == ResetTarget("to_offset", 0)


def test_a_file_of_offsets_is_read():
    found = {TopicPartition("t", 0): 4, TopicPartition("t", 1): 0}

    assert offsets_of_file(["t,0,4", "", "t,1,0"], "g") == found
    assert offsets_of_file(["g,t,0,4", "other,t,0,7", "g,t,1,0"], "g") == found


@pytest.mark.parametrize("line", ["t,0", "t,x,1", "t,0,-1", ",0,1"])
def test_a_line_that_is_no_offset_is_named(line):
    with pytest.raises(TargetError, match="line 2"):
        offsets_of_file(["t,0,4", line], "g")


def test_a_file_without_offsets_of_the_group_is_refused():
    with pytest.raises(NoOffset, match="'g'"):
        offsets_of_file(["other,t,0,4"], "g")
