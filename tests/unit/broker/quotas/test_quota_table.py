"""Owns: which of several quotas holds, in Kafka's order, and who shares it."""

from streamz_core.broker.quotas.quota_table import (
    CONNECTION_CREATION_RATE,
    CONSUMER_BYTE_RATE,
    PRODUCER_BYTE_RATE,
    Limit,
    QuotaTable,
)

ANN, ANYBODY = ("user", "ann"), ("user", None)
APP, ANY_APP = ("client-id", "app"), ("client-id", None)

IN_ORDER = (
    ({ANN, APP}, ("ann", "app")),
    ({ANN, ANY_APP}, ("ann", "app")),
    ({ANN}, ("ann", None)),
    ({ANYBODY, APP}, ("ann", "app")),
    ({ANYBODY, ANY_APP}, ("ann", "app")),
    ({ANYBODY}, ("ann", None)),
    ({APP}, (None, "app")),
    ({ANY_APP}, (None, "app")),
)
"""From the strongest to the weakest: what it is bound to, and who shares it (documentation, "Quota configuration")."""


def test_the_most_specific_holds():
    rows = [(frozenset(entity), float(rank), who) for rank, (entity, who) in enumerate(IN_ORDER, start=1)]
    for strongest in range(len(rows)):
        table = QuotaTable({entity: {PRODUCER_BYTE_RATE: bound} for entity, bound, _ in rows[strongest:]})

        _, bound, (user, client_id) = rows[strongest]
        for _ in range(2):
            assert table.limit(PRODUCER_BYTE_RATE, "ann", "app") == Limit(bound, user, client_id)


def test_each_limit_is_looked_for_by_itself():
    table = QuotaTable(
        {frozenset({ANN, APP}): {CONSUMER_BYTE_RATE: 1.0}, frozenset({ANYBODY}): {PRODUCER_BYTE_RATE: 2.0}}
    )

    assert table.limit(PRODUCER_BYTE_RATE, "ann", "app") == Limit(2.0, "ann", None)
    assert table.limit(CONSUMER_BYTE_RATE, "ann", "app") == Limit(1.0, "ann", "app")
    assert table.limit(CONSUMER_BYTE_RATE, "ann", "other") is None
    assert table.keys == {CONSUMER_BYTE_RATE, PRODUCER_BYTE_RATE}


def test_others_are_not_held_to_it():
    table = QuotaTable({frozenset({ANN}): {PRODUCER_BYTE_RATE: 1.0}})

    assert table.limit(PRODUCER_BYTE_RATE, "bob", "app") is None
    assert QuotaTable().limit(PRODUCER_BYTE_RATE, "ann", "app") is None


def test_many_names_are_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr("streamz_core.broker.quotas.quota_table._CACHED_MAX", 3)
    table = QuotaTable({frozenset({ANY_APP}): {PRODUCER_BYTE_RATE: 1.0}})

    for number in range(10):
        assert table.limit(PRODUCER_BYTE_RATE, "ann", f"app {number}").client_id == f"app {number}"

    assert len(table._cache) <= 3


def test_an_address_has_its_own_rate_or_that_of_all():
    one, of_all = frozenset({("ip", "10.0.0.1")}), frozenset({("ip", None)})
    table = QuotaTable({one: {CONNECTION_CREATION_RATE: 0.0}, of_all: {CONNECTION_CREATION_RATE: 5.0}})

    assert (table.connection_rate("10.0.0.1"), table.connection_rate("10.0.0.2")) == (0.0, 5.0)
    assert QuotaTable().connection_rate("10.0.0.1") is None
