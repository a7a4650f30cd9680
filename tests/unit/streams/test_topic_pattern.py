"""Which topics a pattern stands for: whole names, and none of the app's own."""

from __future__ import annotations

import re

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.topic_pattern import TopicPattern, is_own, stand_for, topic_pattern

ORDERS = TopicPattern(re.compile("orders-.*"))
ALL = TopicPattern(re.compile(".*"))


def found(pattern: TopicPattern, *topics: str, **how: object) -> tuple[str, ...]:
    return stand_for([pattern], topics, **{"app_id": "shop", **how})[pattern]


def test_names_match_as_a_whole():
    assert found(ORDERS, "orders-us", "reorders-eu", "orders", "orders-eu") == ("orders-eu", "orders-us")


def test_what_an_app_makes_for_itself_is_none_of_them():
    own = ("shop-counts-changelog", "shop-by-key-repartition", "shop-topology", "shop-v2-counts-changelog")

    assert found(ALL, *own, "shop-orders", "other-counts-changelog") == (
        "other-counts-changelog",
        "shop-orders",
    )
    assert found(ALL, *own, app_id="shop-v2") == ()
    assert not is_own("shopping-counts-changelog", "shop")


def test_dead_letters_of_what_matches_are_none_of_them():
    assert found(ORDERS, "orders-eu", "orders-eu-dlq") == ("orders-eu",)
    assert found(ORDERS, "orders-eu", "orders-bad", dead_letters={"orders-bad"}) == ("orders-eu",)
    assert found(TopicPattern(re.compile(".*-dlq")), "orders-dlq", "orders") == ("orders-dlq",)


def test_a_topic_is_read_once():
    with pytest.raises(Misuse, match="'orders-eu' is read by name, and matches pattern 'orders-"):
        found(ORDERS, "orders-eu", named=["orders-eu"])
    with pytest.raises(Misuse, match=r"'orders-eu' matches two patterns, 'orders-.*' and '.*'"):
        stand_for([ORDERS, ALL], ["orders-eu"], app_id="shop")


def test_flags_are_part_of_it():
    any_case = TopicPattern(re.compile("Orders-.*", re.IGNORECASE))

    assert any_case.matches("orders-eu")
    assert any_case != TopicPattern(re.compile("Orders-.*"))
    assert any_case.name != TopicPattern(re.compile("Orders-.*")).name


@pytest.mark.parametrize(
    "regex",
    [
        re.compile("a.b", re.DOTALL | re.IGNORECASE),
        re.compile("a b # all\n", re.VERBOSE),
        re.compile("x # y", re.X),
    ],
)
def test_its_text_can_be_compiled_again(regex):
    again = re.compile(TopicPattern(regex).text)

    for name in ("ab", "a.b", "A.B", "x", "a", "x # y"):
        assert bool(again.fullmatch(name)) == bool(regex.fullmatch(name))


@pytest.mark.parametrize("regex", ["orders-(eu|us)/../..", "\\\\", "a" * 300, "ä+"])
def test_its_name_is_fit_for_files(regex):
    name = topic_pattern(regex).name

    assert re.fullmatch(r"pattern-[a-zA-Z0-9._-]{0,80}-[0-9a-f]{8}", name)
    assert "/" not in name


def test_what_is_no_pattern_is_refused():
    with pytest.raises(Misuse, match="is not a regular expression: missing"):
        topic_pattern("orders-(")
    with pytest.raises(Misuse, match="is not a regular expression"):
        topic_pattern(7)  # type: ignore[arg-type]
    with pytest.raises(Misuse, match="names of topics are text"):
        topic_pattern(re.compile(b"orders"))  # type: ignore[arg-type]
