from __future__ import annotations

from datetime import timedelta

import pytest

from streamz_core.app.app import App
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.policies import Retry, error_policy
from streamz_core.app.settings import Settings
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.server_config import ServerConfig
from streamz_core.streams.error_policy import ErrorAction, ErrorPolicy


def test_defaults_are_exactly_once_on_disk():
    settings = Settings.parse({}, {})

    assert settings.processing_guarantee == "exactly_once"
    assert settings.broker == "file://./data"
    assert settings.store == "rocksdb://"


def test_an_unknown_setting_names_the_closest():
    says = "unknown setting 'procesing_guarantee'; did you mean 'processing_guarantee'"
    with pytest.raises(ImproperlyConfigured, match=says):
        App("a", procesing_guarantee="exactly_once")
    with pytest.raises(
        ImproperlyConfigured,
        match="unknown setting 'xyzzy'; known: accept_destructive, application_server, broker, ",
    ):
        App("a", xyzzy=1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"processing_guarantee": "maybe"}, "expected one of exactly_once, at_least_once; got 'maybe'"),
        ({"store": "sqlite://"}, "'store': expected one of rocksdb://, memory://"),
        ({"topic_partitions": 0}, "'topic_partitions': expected an integer above 0, got 0"),
        ({"broker_commit_interval": "soon"}, "'broker_commit_interval': expected seconds"),
        ({"broker": 9092}, "'broker': expected an address as text, got 9092"),
    ],
)
def test_a_wrong_value_names_setting_expected_and_got(options, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        Settings.parse(options, {})


def test_the_environment_wins_over_the_program():
    environ = {
        "STREAMZ_BROKER": "kafka://host:9092",
        "STREAMZ_BROKER_COMMIT_INTERVAL": "2.5",
        "STREAMZ_TOPIC_ALLOW_DECLARE": "no",
        "STREAMZ_TOPIC_PARTITIONS": "8",
        "STREAMZ_UNRELATED": "1",
        "BROKER": "ignored",
    }
    settings = Settings.parse({"broker": "file://./data"}, environ)

    assert settings.broker == "kafka://host:9092"
    assert settings.milliseconds("broker_commit_interval") == 2_500
    assert settings.topic_allow_declare is False
    assert settings.topic_partitions == 8


def test_the_environment_moves_a_port_and_does_not_open_it():
    secured = ServerConfig.at(
        "127.0.0.1:9092", advertise="log:9092", security=SecurityConfig(sasl_mechanisms=("SCRAM-SHA-512",))
    )

    moved = Settings.parse({"listen": secured}, {"STREAMZ_LISTEN": "[::1]:9093"}).listen

    assert (moved.address, moved.advertised_host) == ("[::1]:9093", "log")
    assert moved.security == secured.security
    assert Settings.parse({}, {"STREAMZ_LISTEN": "127.0.0.1:1"}).listen == "127.0.0.1:1"


def test_an_environment_variable_that_does_not_fit_is_named():
    with pytest.raises(ImproperlyConfigured, match="STREAMZ_TOPIC_PARTITIONS: expected int, got 'many'"):
        Settings.parse({}, {"STREAMZ_TOPIC_PARTITIONS": "many"})


def test_durations_are_seconds_or_timedeltas():
    settings = Settings.parse({"shutdown_timeout": timedelta(minutes=1)}, {})

    assert settings.milliseconds("shutdown_timeout") == 60_000


def test_policies_from_words():
    assert error_policy("x", None, None, None) == ErrorPolicy()
    assert error_policy("x", "skip", None, None).action is ErrorAction.SKIP
    assert error_policy("x", None, True, Retry(3, 0.5, 60)) == ErrorPolicy(
        ErrorAction.DEAD_LETTER, retries=3, backoff_ms=500, backoff_max_ms=60_000
    )
    assert error_policy("x", None, "bad", 2).dead_letter_topic == "bad"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("explode", None, None), "agent 'a': error_policy must be one of 'fail', 'skip', 'dead_letter'"),
        (("skip", True, None), "contradict each other"),
        ((None, None, -1), "retry must be 0 or more"),
    ],
)
def test_policies_that_cannot_be(options, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        error_policy("agent 'a'", *options)


def test_topic_options_become_kafkas_settings():
    topic = App("a").topic(
        "t",
        retention=timedelta(hours=1),
        compacting=True,
        deleting=True,
        partitions=3,
        config={"segment.ms": 5},
    )

    assert topic.options.partitions == 3
    assert topic.options.config == {
        "segment.ms": "5",
        "retention.ms": "3600000",
        "cleanup.policy": "compact,delete",
    }


def test_settings_that_are_shown_hide_what_lets_one_in():
    listen = ServerConfig.at("127.0.0.1:9092")
    shown = Settings.parse({"sasl_plain_password": "hush", "listen": listen, "version": 3}, {}).shown()

    assert shown["sasl_plain_password"] == "[hidden]"
    assert shown["listen"] == "127.0.0.1:9092"
    assert (shown["version"], shown["sasl_oauth_token_provider"]) == (3, None)
    assert "hush" not in repr(shown)
