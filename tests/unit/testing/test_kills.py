"""``kill_at_every_commit`` lets pass what is exactly-once, finds what is not, and says what it was asked wrongly."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from streamz_core import App
from streamz_core.errors import Misuse
from streamz_core.streams import StreamsBuilder
from streamz_core.testing import NotExactlyOnce, TestRecord, kill_at_every_commit
from streamz_core.testing.kills import KillReport
from streamz_core.testing.outputs import comparable, contents, differences

LINES = {"lines": [("a", "to be"), ("b", "or not")]}


def counting() -> App:
    app = App("words")
    lines = app.stream("lines", key_type=str, value_type=str)
    words = lines.flat_map_values(str.split).group_by(
        lambda _, word: word, "words", key_type=str, value_type=str
    )
    words.count("counts").to_stream().to("word-counts")
    return app


def remembering(seen: dict[str, int]) -> StreamsBuilder:
    """Counts in a dict of the process."""

    def count(line: str) -> int:
        seen[line] = seen.get(line, 0) + 1
        return seen[line]

    builder = StreamsBuilder()
    builder.stream("lines", key_type=str, value_type=str).map_values(count, value_type=int).to("counted")
    return builder


def test_what_is_exactly_once_passes():
    report = kill_at_every_commit(counting, {"lines": [("a", "to be")]})

    assert report.points > 30, "starting, and for each of a line and two words a commit of several requests"
    assert report.kills == 2 * report.points
    assert str(report) == (
        f"{report.kills} kills at {report.points} points: the outputs of the run without any"
    )


def test_an_app_may_be_given_too_and_run_within_a_loop():
    async def main() -> KillReport:
        return kill_at_every_commit(counting(), LINES, points_max=3, again=False)

    assert asyncio.run(main()).kills == 3


def test_what_outputs_twice_is_found():
    with pytest.raises(NotExactlyOnce) as found:
        kill_at_every_commit(counting, LINES, config={"processing_guarantee": "at_least_once"}, again=False)

    said = str(found.value)
    assert "power cut" in said or "killed" in said
    assert "topic 'word-counts' partition 0 key b'" in said
    assert "expected" in said


def test_what_is_kept_in_the_process_is_lost_and_that_is_found():
    with pytest.raises(NotExactlyOnce, match=r"counted.*expected \[\(b'1'.*\(b'2'.*got \[\(b'1'.*\(b'1'"):
        kill_at_every_commit(lambda: remembering({}), {"lines": [("k", "x"), ("k", "x")]}, again=False)


def test_outputs_that_are_not_named_do_not_count():
    def make() -> StreamsBuilder:
        builder = remembering({})
        builder.stream("other", key_type=str, value_type=str).to("copies")
        return builder

    inputs = {"lines": [("k", "x"), ("k", "x")], "other": [("a", "1")]}
    assert kill_at_every_commit(make, inputs, ["copies"], again=False).kills


def test_records_have_times_headers_and_partitions_or_are_bytes():
    seen = []

    def make() -> StreamsBuilder:
        builder = StreamsBuilder()
        stream = builder.stream("in", key_type=str, value_type=dict)
        stream.peek(lambda key, value: seen.append((key, value))).to("out", key_type=str)
        return builder

    records = [TestRecord("a", {"n": 1}, 5, (("h", b"1"),), partition=1), (b"raw", b'{"n":2}')]
    kill_at_every_commit(make, {"in": records}, partitions=2, points_max=1, again=False)

    assert sorted({(key, value["n"]) for key, value in seen}) == [("a", 1), ("raw", 2)]


def test_fewer_points_are_drawn_by_the_seed():
    def found(seed: int) -> str:
        try:
            lost = {"lines": [("k", "x"), ("k", "x"), ("k", "x")]}
            kill_at_every_commit(lambda: remembering({}), lost, points_max=3, seed=seed, again=False)
        except NotExactlyOnce as error:
            return str(error)
        return ""

    told = [found(seed) for seed in range(5)]

    assert told == [found(seed) for seed in range(5)]
    assert len(set(told)) > 1


def test_stores_on_disk_are_gone_on_from_and_nothing_is_left_of_them(tmp_path):
    report = kill_at_every_commit(counting, LINES, state_directory=tmp_path, points_max=10)

    assert report.kills == 20
    assert list(tmp_path.rglob("*.sst")) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"inputs": {"elsewhere": []}}, "reads no topic 'elsewhere'; it knows: lines, word-counts"),
        ({"inputs": {"lines": []}}, "wrote nothing to any topic"),
        ({"inputs": LINES, "outputs": ["nowhere"]}, "wrote nothing to nowhere"),
        ({"inputs": LINES, "compare": "roughly"}, "'in_order', 'any_order', 'latest'"),
    ],
)
def test_what_it_cannot_do_is_said(arguments, says):
    with pytest.raises(Misuse, match=says):
        kill_at_every_commit(counting, **arguments)


def written(*rows):
    return {
        "t": [
            SimpleNamespace(partition=0, key=key, value=value, timestamp=at, headers=[])
            for key, value, at in rows
        ]
    }


ONE = (b"a", b"1", 1)
TWO = (b"a", b"2", 2)
NO_KEY = (None, b"1", 1)
GONE = (b"a", None, 3)


@pytest.mark.parametrize(
    ("order", "one", "other", "is_same"),
    [
        ("in_order", (ONE, TWO), (ONE, TWO), True),
        ("in_order", (ONE, TWO), (TWO, ONE), False),
        ("in_order", (ONE,), (ONE, ONE), False),
        ("in_order", (NO_KEY, (None, b"2", 2)), ((None, b"2", 2), NO_KEY), True),
        ("in_order", (NO_KEY,), (NO_KEY, NO_KEY), False),
        ("any_order", (ONE, TWO), (TWO, ONE), True),
        ("any_order", (ONE,), (ONE, ONE), False),
        ("latest", (ONE, TWO), (TWO,), True),
        ("latest", (ONE, GONE), (), True),
        ("latest", (ONE, TWO), (TWO, ONE), False),
    ],
)
def test_outputs_are_compared_as_asked(order, one, other, is_same):
    told = differences(comparable(written(*one), ["t"], order), comparable(written(*other), ["t"], order))

    assert (told == "") is is_same, told


def test_contents_are_the_last_values():
    assert contents(written(ONE, TWO, GONE, NO_KEY), ["t"]) == {("t", 0, None): b"1"}


def test_of_many_differences_some_are_told():
    expected = {("t", 0, n): [n] for n in range(9)}

    assert differences(expected, {}).endswith("and 4 keys more")
