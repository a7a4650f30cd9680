"""Owns: the tests of the exception tree. Must not know: who raises."""

from __future__ import annotations

import pytest

from streamz_core.client import errors
from streamz_core.errors import ErrorCode, Fatal, Misuse, Retriable, StreamzError


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_says_what_its_reader_must_do(name):
    found = getattr(errors, name)
    if not isinstance(found, type) or found in (errors.KafkaError, errors.BrokerResponseError):
        return
    assert issubclass(found, StreamzError)
    assert issubclass(found, (Retriable, Fatal, Misuse))


def test_every_code_has_an_exception():
    for code in ErrorCode:
        assert issubclass(errors.for_code(code), errors.KafkaError)


def test_codes_without_a_class_are_unknown_errors():
    assert errors.for_code(9_999) is errors.UnknownError


def test_a_code_repeated_by_clients_is_retriable_for_programs():
    for code in ErrorCode:
        if errors.for_code(code).retriable:
            assert issubclass(errors.for_code(code), Retriable), code


def test_messages_name_code_and_class():
    assert str(errors.error_for(3, "topic 'x'")) == "[Error 3] UnknownTopicOrPartitionError: topic 'x'"
    assert str(errors.ProducerClosed()) == "ProducerClosed"
