"""Harness H7: histories made by hand, good ones that must pass and bad ones whose anomaly must be named."""

from __future__ import annotations

import pytest

from tests.chaos import journal
from tests.chaos.anomaly import Name
from tests.chaos.bad_histories import BAD
from tests.chaos.by_hand import all_of, polled, sent
from tests.chaos.checker import check, report, size
from tests.chaos.good_histories import GOOD
from tests.chaos.operations import Opening


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_a_good_history_passes(history):
    found = check(history)

    assert found == [], report(history, found)


@pytest.mark.parametrize("expected_and_history", BAD.values(), ids=BAD)
def test_a_bad_history_is_named(expected_and_history):
    expected, *history = expected_and_history

    assert expected in {anomaly.name for anomaly in check(tuple(history))}


def test_every_anomaly_of_histories_has_a_bad_one():
    assert {expected for expected, *_ in BAD.values()} == set(Name) - {Name.WRONG_RESULT}


def test_the_report_names_partition_offset_values_and_operations():
    history = (*sent("a", 0), *sent("b", 1), *all_of(1, "b"))

    told = report(history, check(history))

    assert "lost write in t-0 offset 0 value a" in told
    assert "0: Sending(call='send a t-0'" in told


def test_a_journal_is_read_back_without_the_line_the_kill_cut_off(tmp_path):
    for life in (1, 2):
        written = journal.Journal(str(tmp_path), life)
        written.write(*sent(f"a{life}", life), *polled(life, f"a{life}"))
        written.close()
    with (tmp_path / "000001.jsonl").open("ab") as file:
        file.write(b'{"op":"Sent","call":"x')

    history = journal.load(str(tmp_path))

    assert history == tuple(
        operation for n in (1, 2) for operation in (Opening(n), *sent(f"a{n}", n), *polled(n, f"a{n}"))
    )
    assert size(history).records_acknowledged == 2
