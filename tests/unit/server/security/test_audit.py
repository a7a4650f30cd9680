"""Owns: what is told of denials and logins, that peers cannot write lines of their own, or too many."""

import logging

import pytest

from streamz_core.broker.security.acl_table import Subject
from streamz_core.protocol.messages.acls import AclOperation, ResourceType
from streamz_core.server.security.asking import Rule
from streamz_core.server.security.audit import LINES_MAX, REPEATED_MS, Audit
from streamz_core.server.security.printable import printable
from streamz_core.testing.manual_clock import ManualClock

ANN = Subject("User:ann", "10.0.0.9")
WRITE = Rule(AclOperation.WRITE, ResourceType.TOPIC)
NASTY = ["\n", "\r", "\x1b[31m", "\x00", "\u202e", "\u2028", "\x85", "\x9b", "\ud800", "\ufeff"]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def audit(clock, caplog):
    caplog.set_level(logging.INFO, logger="streamz_core.audit")
    return Audit(clock)


def test_a_denial_names_who_from_where_what_and_which(audit, caplog):
    audit.denied(ANN, "Produce", [(WRITE, "views")])

    assert caplog.messages == ["denied: User:ann from 10.0.0.9: Produce: WRITE on TOPIC 'views'"]
    assert caplog.records[0].levelno == logging.WARNING
    assert audit.denials == 1


def test_logins_are_told(audit, caplog):
    audit.logged_in("User:ann", "10.0.0.9", "PLAIN")
    audit.login_failed("10.0.0.9", "PLAIN", "user 'eve': there is no such user")

    assert caplog.messages == [
        "login: User:ann from 10.0.0.9 by PLAIN",
        "login failed: from 10.0.0.9 by PLAIN: user 'eve': there is no such user",
    ]
    assert audit.failed_logins == 1


@pytest.mark.parametrize("character", NASTY)
def test_no_name_writes_a_line_of_its_own(audit, caplog, character):
    name = f"a{character}denied: User:bob"

    audit.denied(Subject(f"User:{name}", "10.0.0.9"), "Produce", [(WRITE, name)])
    audit.login_failed("10.0.0.9", name, f"user {name}")
    audit.logged_in(f"User:{name}", "10.0.0.9", "PLAIN")

    assert len(caplog.messages) == 3
    assert all(character not in line and line.isprintable() for line in caplog.messages)


def test_a_long_name_is_cut(audit, caplog):
    audit.denied(ANN, "Produce", [(WRITE, "x" * 30_000)])

    assert len(caplog.messages[0]) < 500
    assert "(30000 characters)" in caplog.messages[0]


def test_many_resources_of_a_request_are_one_line(audit, caplog):
    audit.denied(ANN, "Metadata", [(WRITE, f"t{number}") for number in range(1_000)] * 2)

    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("'t9' and 990 more")
    assert audit.denials == 1_000


async def test_what_is_repeated_is_counted_and_told_once_a_minute(audit, caplog, clock):
    for _ in range(100):
        audit.denied(ANN, "Fetch", [(WRITE, "views")])
    assert len(caplog.messages) == 1

    await clock.advance(REPEATED_MS)
    audit.denied(ANN, "Fetch", [(WRITE, "views")])

    assert caplog.messages[1].endswith("'views' (and 99 times before)")
    assert audit.denials == 101


def test_it_remembers_only_so_much(audit):
    for number in range(5_000):
        audit.denied(ANN, "Fetch", [(WRITE, f"t{number}")])

    assert len(audit._told_ms) <= 1_000


def test_nothing_denied_is_nothing_told(audit, caplog):
    audit.denied(ANN, "Fetch", [])

    assert caplog.messages == []


@pytest.mark.parametrize("text", ["", "ann", "Jürgen", "日本", "a b"])
def test_ordinary_names_stay_as_they_are(text):
    assert printable(text) == text


async def test_a_peer_that_is_refused_something_new_every_time_is_told_of_so_often(audit, clock, caplog):
    for number in range(1_000):
        audit.denied(ANN, "Produce", [(WRITE, f"views {number}")])
        audit.login_failed("10.0.0.7", "PLAIN", f"user {number}: there is no such user")
    assert len(caplog.messages) == 2 * (LINES_MAX + 1)
    assert "more than 100 in 60 s" in caplog.messages[-1]
    assert (audit.denials, audit.failed_logins) == (1_000, 1_000)

    audit.denied(Subject("User:bob", "10.0.0.9"), "Produce", [(WRITE, "views")])
    assert "User:bob" in caplog.messages[-1]
    caplog.clear()
    await clock.advance(REPEATED_MS)
    audit.denied(ANN, "Produce", [(WRITE, "views")])

    assert caplog.messages == [
        "denied: User:ann from 10.0.0.9: 900 more in 60 s",
        "denied: User:ann from 10.0.0.9: Produce: WRITE on TOPIC 'views'",
    ]
