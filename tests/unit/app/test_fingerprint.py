"""What of an app outlives its processes, and what a new version changes of it."""

from __future__ import annotations

from streamz_core.app.fingerprint import Fingerprint, StoreShape, plan

KEPT = StoreShape("key_value", 2)


def lines(before: Fingerprint, after: Fingerprint) -> list[str]:
    return str(plan(before, after)).splitlines()


def test_it_comes_back_from_json() -> None:
    found = Fingerprint({"in": 2}, {"a-b-repartition": 2}, {"s": StoreShape("window", 2, 1_000, False)})

    assert Fingerprint.from_json(found.to_json()) == found
    assert Fingerprint().is_empty
    assert not found.is_empty


def test_what_is_added_loses_nothing() -> None:
    found = plan(Fingerprint(), Fingerprint({"in": 2}, {"x-repartition": 2}, {"s": KEPT}))

    assert not found.is_destructive
    assert str(found).splitlines() == [
        "  + source topic in",
        "  + internal topic x-repartition (2 partitions)",
        "  + store s (key_value, 2 partitions)",
    ]
    assert str(plan(Fingerprint(), Fingerprint())) == "nothing changes"


def test_a_store_that_is_gone_or_renamed_is_orphaned() -> None:
    before, after = (
        Fingerprint(stores={"a": KEPT, "b": StoreShape("set", 2)}),
        Fingerprint(stores={"c": KEPT}),
    )

    assert plan(before, after).is_destructive
    assert lines(before, after) == [
        "  + store c (key_value, 2 partitions)",
        (
            "! - store a (key_value, 2 partitions): its contents and changelog are orphaned; "
            "renamed to c? that begins empty"
        ),
        "! - store b (set, 2 partitions): its contents and changelog are orphaned",
    ]


def test_a_store_of_another_shape_does_not_fit() -> None:
    one = Fingerprint(stores={"w": StoreShape("window", 1, 1_000)})
    other = Fingerprint(stores={"w": StoreShape("window", 1, 2_000)})

    assert lines(one, other) == [
        (
            "! ~ store w: was window, 1 partitions, windows of 1000 ms; now window, 1 partitions, windows of 2000 ms: "
            "its contents do not fit"
        )
    ]


def test_topics() -> None:
    before = Fingerprint({"in": 1, "old": 1}, {"a-repartition": 1, "b-repartition": 1})
    after = Fingerprint({"in": 2}, {"a-repartition": 2})

    assert lines(before, after) == [
        "  - source topic old: its committed offsets stay",
        "  ~ source topic in: 1 partitions, now 2: keys may be in other partitions now",
        "! - internal topic b-repartition: records in it that were not handled are lost",
        "! ~ internal topic a-repartition: 1 partitions, now 2",
    ]
