"""Owns: that a secret is seen by nobody who does not ask for it."""

import copy
import io
import logging
import pickle
import traceback

import msgspec
import orjson
import pytest

from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.secret import Secret

CANARY = "canary-1f0c"


@pytest.fixture
def secret() -> Secret:
    return Secret.of(CANARY)


def test_it_is_there_for_who_asks(secret):
    assert secret.reveal() == CANARY.encode()
    assert len(secret) == len(CANARY)


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{!r}".format, "{!s}".format, "%s".__mod__, "%r".__mod__]
)
def test_it_is_not_shown(secret, show):
    assert show(secret) == "Secret(***)"


def test_it_is_not_shown_inside_of_something(secret):
    assert CANARY not in repr([secret, {"password": secret}, SaslAuthenticateRequest(auth_bytes=secret)])


def test_it_is_not_logged(secret):
    stream = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(stream))

    logger.error("%s %r %s", secret, secret, SaslAuthenticateRequest(auth_bytes=secret), extra={"x": secret})

    assert CANARY not in stream.getvalue()


def test_it_is_not_in_a_traceback_that_shows_variables(secret):
    try:
        raise ValueError(secret)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "secret = Secret(***)" in shown
    assert CANARY not in shown


@pytest.mark.parametrize(
    "write", [pickle.dumps, orjson.dumps, msgspec.json.encode, msgspec.msgpack.encode, copy.copy]
)
def test_nothing_writes_it(secret, write):
    with pytest.raises(TypeError):
        write(secret)


def test_it_is_compared_by_content_and_is_no_key(secret):
    assert secret == Secret.of(CANARY)
    assert secret != Secret.of("other")
    assert secret != CANARY.encode()
    with pytest.raises(TypeError):
        hash(secret)
