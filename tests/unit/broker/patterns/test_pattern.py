"""Regular expressions of strangers: RE2's, in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamz_core.broker.patterns import pattern as pattern_module
from streamz_core.broker.patterns.pattern import PLACES_MAX, Pattern
from streamz_core.broker.patterns.syntax import LENGTH_MAX, InvalidPattern


def matches(text: str, *candidates: str) -> list[str]:
    return Pattern(text).matching(candidates)


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("", [""], ["a"]),
        ("orders", ["orders"], ["order", "orderss", ""]),
        ("orders-.*", ["orders-", "orders-eu"], ["orders", "xorders-"]),
        ("^orders$", ["orders"], ["orders\n"]),
        ("a|bc|", ["a", "bc", ""], ["b", "abc"]),
        ("a|b$|^c", ["a", "b", "c"], ["ab"]),
        ("(?:ab)+", ["ab", "abab"], ["", "aba"]),
        ("(?P<name>ab)?(?<other>c)", ["c", "abc"], ["ab"]),
        ("a{2}b{1,2}c{2,}", ["aabcc", "aabbcccc"], ["abcc", "aabbbcc", "aabbc"]),
        ("a{0}b", ["b"], ["ab"]),
        ("a{,2}", ["a{,2}"], ["aa"]),
        ("x{y", ["x{y"], ["xy"]),
        ("a*?b+?c??", ["b", "aabbc"], ["", "c"]),
        ("[a-c_.-]+", ["a.b-c_"], ["d", ""]),
        ("[^a-c]", ["d", "\n"], ["a", "dd"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[^]a]", ["b"], ["]"]),
        ("[[:alpha:]][[:^alpha:]]", ["a1", "Z-"], ["11", "aa"]),
        (r"[\d\-x]+", ["1-x"], ["y"]),
        (r"\d\D\s\S\w\W", ["1a b_-"], ["1a b--"]),
        (r"\.\\\x41\x{1F600}\t\Qa.b\E", [".\\A\U0001f600\ta.b"], [".\\A\U0001f600\taxb"]),
        (r"\Q.*", [".*"], ["aa"]),
        (r"\Aa\z", ["a"], ["aa"]),
        (r"\0\012", ["\0\n"], ["0"]),
        ("(?i)Ab(?-i)c", ["abc", "ABc"], ["abC"]),
        ("(?i:[a-f])g", ["Fg", "fg"], ["FG"]),
        (".", ["a", "ü"], ["\n", ""]),
        ("(?s).", ["\n"], [""]),
        ("a$b", [], ["ab", "a"]),
        ("a^b", [], ["ab"]),
        ("(^)*a", ["a"], [""]),
        ("(a|^$)*", ["", "a", "aa"], ["b"]),
        ("(a*)*", ["", "aaa"], ["b"]),
        ("((a*)+)+b", ["b", "aab"], ["aa"]),
    ],
)  # fmt: skip
def test_what_matches(text: str, yes: list[str], no: list[str]) -> None:
    assert matches(text, *yes, *no) == yes


@pytest.mark.parametrize(
    "text",
    [
        "(", ")", "(a", "a)", "[", "[a", "[z-a]", "[[:nothing:]]", "*", "+a", "a**", "a{2}{3}", "(?=a)",
        "(?!a)", "(?<=a)", "(?<!a)", "(?P=name)", "(?P>x)", "(?x)a", "(?#c)", r"\1", r"\b", r"\pL", r"\k<a>",
        "\\", r"\x", r"\xZZ", r"\x{110000}", r"\x{}", "a{3,2}", "a{1001}", "(?i", "(?m)^a", "a++", "[\\b]",
    ],
)  # fmt: skip
def test_what_is_no_regular_expression_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidPattern, match="regular expression"):
        Pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "(a{1000}){1000}",
        "(((){1000}){1000}){1000}",
        "(" * 5_000,
        "(?i:" * 2_000,
        "a" * (PLACES_MAX + 1),
        "a" * (LENGTH_MAX + 1),
        "x{1000}" * 1_000,
    ],
)
def test_what_would_be_too_large_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern):
        Pattern(text)


@pytest.mark.parametrize("text", ["(a+)+$", "(a|a)*b", "(a|aa)+c", "(.*)*(.*)*(.*)*x", "(a?){100}a{100}"])
def test_what_hangs_python_costs_little_here(text: str) -> None:
    pattern = Pattern(text)

    pattern.matching(["a" * 200 + "!"] * 50)

    assert pattern._steps < 100_000


def test_a_question_that_costs_too_much_is_refused_and_the_next_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pattern_module, "STEPS_MAX", 50)
    pattern = Pattern("(.?){10}")

    with pytest.raises(InvalidPattern, match="costs too much"):
        pattern.matching(["abcdefghi"])

    assert Pattern("ab").matching(["ab"]) == ["ab"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_module, "_REMEMBERED_MAX", 4)
    pattern = Pattern("[a-z]*1")
    texts = [chr(97 + i) + "1" for i in range(26)]

    assert pattern.matching(texts) == texts
    assert len(pattern._after) <= 4


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", "^", "$", "", "(?:b)"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda text: f"({text})")
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map(lambda text: f"(?:{text})"),
        st.tuples(group, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}"])).map("".join),
        group,
    )


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(_ATOMS, _grown, max_leaves=6),
    st.lists(st.text("ab-\n", max_size=5), min_size=1, max_size=5),
)
@example("(?:a|^$)", [""])
def test_python_says_the_same_of_what_both_know(text: str, candidates: list[str]) -> None:
    # Python's $ also matches before a newline at the end, and ours only at the end: as RE2's.
    theirs = re.compile(text.replace("$", r"\Z"))

    assert Pattern(text).matching(candidates) == [one for one in candidates if theirs.fullmatch(one)]
