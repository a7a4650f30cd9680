"""Owns: kio, whose schemas are derived from Kafka's own by another program, reads and writes the same bytes."""

from __future__ import annotations

import importlib
import random

import pytest
from kio.serial import entity_reader, entity_writer

from tests.unit.protocol.wire.forms import every_version
from tests.unit.protocol.wire.test_against_kafka_python import name

PACKAGES = {"SaslHandshake": "sasl_handshake", "SaslAuthenticate": "sasl_authenticate"}


def snake(text):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in text).lstrip("_")


def entity(one):
    """The class of a message in one version."""
    side = "request" if one.is_request else "response"
    api = name(one).removesuffix("Request").removesuffix("Response")
    module = importlib.import_module(f"kio.schema.{snake(api)}.v{one.version}.{side}")
    return getattr(module, name(one))


@pytest.mark.parametrize("one", list(every_version()), ids=lambda one: one.called)
def test_it_writes_again_what_it_read_of_ours(one):
    rng = random.Random(one.called)
    theirs = entity(one)
    read, write = entity_reader(theirs), entity_writer(theirs)
    for _ in range(10):
        body = one.encode(one.random(rng))

        value, size = read(body, 0)
        written = Written()
        write(written, value)

        assert size == len(body)
        assert bytes(written.data) == body


class Written:
    """What kio writes to."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += data
