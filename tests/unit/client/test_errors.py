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


@pytest.mark.parametrize("name", errors.__all__)
def test_every_class_is_in_the_table(name):
    found = getattr(errors, name)
    if isinstance(found, type) and issubclass(found, errors.BrokerResponseError):
        assert found is errors.BrokerResponseError or errors.for_code(found.errno) is found


def test_a_program_may_have_errors_of_its_own():
    class MyError(errors.BrokerResponseError):
        errno = 3

    assert str(MyError("why")) == "[Error 3] MyError: why"
    assert errors.for_code(3) is errors.UnknownTopicOrPartitionError


def test_codes_without_a_class_are_unknown_errors():
    assert errors.for_code(9_999) is errors.UnknownError


def test_a_code_repeated_by_clients_is_retriable_for_programs():
    for code in ErrorCode:
        if errors.for_code(code).retriable:
            assert issubclass(errors.for_code(code), Retriable), code


def test_messages_name_code_and_class():
    assert str(errors.error_for(3, "topic 'x'")) == "[Error 3] UnknownTopicOrPartitionError: topic 'x'"
    assert str(errors.ProducerClosed()) == "ProducerClosed"
