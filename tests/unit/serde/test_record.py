from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from streamz_core.errors import Misuse
from streamz_core.serde.errors import ValidationError
from streamz_core.serde.record import Record


class User(Record, serializer="json"):
    name: str
    age: int = 0


class Order(Record):
    user: User
    price: Decimal
    at: datetime | None = None


def test_records_are_made_by_position_or_name_and_compare():
    assert User("ann", 3) == User(name="ann", age=3)
    assert User("ann").asdict() == {"name": "ann", "age": 0}


def test_json_there_and_back():
    order = Order(User("ann"), Decimal("1.50"), datetime(2026, 1, 2))

    assert Order.loads(order.dumps()) == order
    assert order.to_representation() == {
        "user": {"name": "ann", "age": 0},
        "price": "1.50",
        "at": "2026-01-02T00:00:00",
    }
    assert Order.from_data(order.to_representation()) == order


def test_an_error_names_the_field_by_its_path():
    with pytest.raises(ValidationError, match=r"Order: field 'user.age': expected int, got str") as caught:
        Order.from_data({"user": {"name": "ann", "age": "old"}, "price": "1"})

    assert caught.value.field == "user.age"


def test_derive_puts_fields_over_a_copy():
    ann = User("ann", 3)

    assert ann.derive(age=4) == User("ann", 4)
    assert ann.derive(User("bob", 9), age=1) == User("bob", 1)
    assert ann == User("ann", 3)
    with pytest.raises(Misuse, match=r"its fields: .*'age', 'name'"):
        ann.derive(height=2)


def test_validation_on_demand_and_on_construction():
    wrong = User(3, "x")  # type: ignore[arg-type]

    assert [error.field for error in wrong.validation_errors] == ["name", "age"]
    assert not wrong.is_valid()

    class Strict(Record, validation=True):
        name: str

    with pytest.raises(ValidationError, match="Strict: field 'name': expected str, got int"):
        Strict(3)  # type: ignore[arg-type]
    assert Strict("a").is_valid()


def test_coerce_reads_numbers_from_text_and_is_inherited():
    class Loose(Record, coerce=True):
        n: int

    class Looser(Loose):
        m: int

    assert Looser.loads(b'{"n": "1", "m": "2"}') == Looser(1, 2)
    with pytest.raises(ValidationError):
        User.loads(b'{"name": "a", "age": "2"}')


def test_the_serializer_is_inherited():
    class Admin(User):
        level: int = 1

    assert Admin.__record_options__.serializer == "json"


@pytest.mark.parametrize("keyword", ["include_metadata", "polymorphic_fields", "date_parser"])
def test_what_is_not_supported_names_the_way_to_do_it(keyword):
    with pytest.raises(Misuse, match=keyword):
        type(Record)("Bad", (Record,), {"__annotations__": {"a": int}}, **{keyword: True})


def test_faust_keywords_that_always_hold_are_taken():
    class Dated(Record, isodates=True, decimals=True, abstract=False, include_metadata=False):
        at: datetime

    assert Dated.loads(b'{"at": "2026-01-02T00:00:00"}').at == datetime(2026, 1, 2)
    with pytest.raises(Misuse, match="isodates=False"):
        type(Record)("Bad", (Record,), {"__annotations__": {"a": int}}, isodates=False)


def test_an_unknown_keyword_is_refused():
    with pytest.raises(Misuse, match=r"record Bad: .*serialiser"):
        type(Record)("Bad", (Record,), {"__annotations__": {"a": int}}, serialiser="json")


def test_only_json_is_a_records_own():
    with pytest.raises(Misuse, match="'yaml'"):
        User("a").dumps(serializer="yaml")
