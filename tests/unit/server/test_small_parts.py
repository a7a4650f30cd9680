"""Owns: the server's small values: limits, progress, bytes in flight, and what a configuration refuses."""

import pytest

from streamz_core.broker.registry import API_KEYS
from streamz_core.errors import Misuse
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.protocol.wire import codec
from streamz_core.server.api_versions import api_versions
from streamz_core.server.dispatch import ANSWERED_HERE
from streamz_core.server.in_flight import InFlightBytes
from streamz_core.server.limits import Limits
from streamz_core.server.progress import Progress
from streamz_core.server.server_config import ServerConfig, parse_listen


def test_a_limit_is_a_whole_number_from_one():
    assert Limits(idle_ms=1).idle_ms == 1
    for wrong in (0, -1, 1.5, True, "10"):
        with pytest.raises(Misuse, match="idle_ms="):
            Limits(idle_ms=wrong)


def test_who_brings_enough_in_time_makes_progress():
    reading = Progress()

    def stands_still(count: int, now_ms: int) -> bool:
        return reading.stands_still(count, now_ms=now_ms, within_ms=10, at_least=5)

    assert not stands_still(0, 0)
    assert not stands_still(4, 9)
    assert not stands_still(5, 10)
    assert not stands_still(9, 19)
    assert stands_still(9, 20)
    reading.reset()
    assert not stands_still(9, 30)


def test_who_waits_for_room_is_called_in_order_while_there_is_some():
    held = InFlightBytes(100)
    called = []
    held.change(120)
    assert held.is_full
    held.when_room(lambda: (called.append("one"), held.change(50)))
    held.when_room(lambda: called.append("two"))

    held.change(-20)
    assert called == []
    held.change(-1)
    assert called == ["one"]
    held.change(-120)
    assert called == ["one", "two"]
    assert held.used == 29


def test_one_of_those_who_need_more_than_there_is_may_go_beyond_and_then_the_next():
    held = InFlightBytes(100)
    assert held.may_go_on("one")
    held.change(100)
    called = []

    assert held.may_go_on("one")
    assert not held.may_go_on("two")
    held.when_room(lambda: called.append(held.may_go_on("two")))
    held.needs_no_more("three")
    assert called == []
    held.needs_no_more("one")

    assert called == [True]
    assert not held.may_go_on("one")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:9092", ("127.0.0.1", 9092)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65_535)),
    ],
)
def test_an_address_to_listen_at_is_host_and_port(text, parsed):
    assert parse_listen(text) == parsed


@pytest.mark.parametrize(
    "text", ["9092", ":9092", "host", "host:", "host:x", "host:65536", "host:-1", "host:²"]
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(Misuse, match=r"127\.0\.0\.1:9092"):
        parse_listen(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_told(host):
    assert ServerConfig(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com"])
def test_everything_else_is_not_loopback(host):
    assert not ServerConfig(host=host).is_loopback


@pytest.mark.parametrize("request_type", [ProduceRequest, SaslHandshakeRequest])
def test_what_librdkafka_looks_for_is_offered_though_it_is_not_spoken(request_type):
    offered = {one.api_key: one for one in api_versions(API_KEYS | ANSWERED_HERE, codec.supported()).api_keys}

    assert offered[request_type.api_key].min_version == 0
    assert codec.versions(request_type.api_key)[0] > 0
