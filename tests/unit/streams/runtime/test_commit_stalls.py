"""Owns: whose silence a commit explains, and for how long."""

from __future__ import annotations

from streamz_core.streams.runtime.commit_stalls import CommitStalls


def test_commits_that_are_quick_explain_nothing():
    stalls = CommitStalls()
    for at_ms in range(0, 10_000, 100):
        stalls.began("a", at_ms)
        stalls.ended("a", at_ms + 20)
        assert not stalls.hold_up(2_000, at_ms + 30)


def test_a_long_one_explains_as_much_silence_as_follows_it():
    stalls = CommitStalls()
    stalls.began("a", 0)
    assert not stalls.hold_up(2_000, 999)
    assert stalls.hold_up(2_000, 1_000)
    stalls.ended("a", 3_000)
    stalls.began("b", 3_100)
    stalls.ended("b", 3_150)
    assert stalls.hold_up(2_000, 4_999)
    assert not stalls.hold_up(2_000, 5_000)
    assert not stalls.hold_up(60_000, 4_000), "who waits for a minute waits longer than that"


def test_an_end_without_a_beginning_is_none():
    stalls = CommitStalls()
    stalls.ended("a", 5_000)
    assert not stalls.hold_up(100, 5_000)
