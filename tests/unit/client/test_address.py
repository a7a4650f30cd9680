"""Owns: the tests of addresses. Must not know: links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.client.address import AddressError, FileAddress, KafkaAddress, MemoryAddress, parse
from streamz_core.errors import Misuse


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("file:///var/data", FileAddress("/var/data")),
        ("file://./data", FileAddress("./data")),
        ("file://localhost/var/data", FileAddress("/var/data")),
        ("file:///with%20space", FileAddress("/with space")),
        ("FILE:///x", FileAddress("/x")),
        ("/var/data", FileAddress("/var/data")),
        ("./data", FileAddress("./data")),
        ("../data", FileAddress("../data")),
        ("~/data", FileAddress("~/data")),
        (".", FileAddress(".")),
        ("a/b", FileAddress("a/b")),
        ("memory://orders", MemoryAddress("orders")),
        ("localhost", KafkaAddress((("localhost", 9092),))),
        ("one:1,two:2", KafkaAddress((("one", 1), ("two", 2)))),
        ("kafka://one, two:7", KafkaAddress((("one", 9092), ("two", 7)))),
        ("[::1]:9093", KafkaAddress((("::1", 9093),))),
        (["one:1", "two:2"], KafkaAddress((("one", 1), ("two", 2)))),
        (["memory://x"], MemoryAddress("x")),
    ],
)
def test_addresses(text, parsed):
    assert parse(text) == parsed


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "empty"),
        ("ftp://x", "ftp"),
        ("file://", "no directory"),
        ("file:///x?mode=ro", "options"),
        ("memory://", "memory://orders"),
        ("memory://a/b", "memory://orders"),
        ("host:port", "host:port"),
        ("host:0", "65535"),
        ("host:70000", "65535"),
        ("a,,b", "host:port"),
        ("/x\x00y", "null"),
        (7, "not an address"),
        ([], "empty"),
        ([1], "not an address"),
    ],
)
def test_wrong_addresses_say_what_is_allowed(text, names):
    with pytest.raises(AddressError, match=names) as raised:
        parse(text)

    assert isinstance(raised.value, Misuse)
    assert isinstance(raised.value, ValueError)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_address_error(text):
    try:
        parsed = parse(text)
    except AddressError:
        return
    assert isinstance(parsed, (FileAddress, MemoryAddress, KafkaAddress))


@given(st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True))
def test_an_address_in_words_means_the_same(name):
    address = parse(f"memory://{name}")

    assert parse(str(address)) == address


def test_an_address_that_cannot_be_opened_is_an_error_of_the_client_too() -> None:
    from streamz_core.client.errors import KafkaError

    with pytest.raises(KafkaError, match="AddressError"):
        parse("")
