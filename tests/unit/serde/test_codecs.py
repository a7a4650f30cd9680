from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import IntCodec, JsonCodec, ModelCodec, RawCodec, TextCodec
from streamz_core.serde.errors import EncodeError, ValueDecodeError
from streamz_core.serde.failure import DecodeFailure
from streamz_core.serde.record import Record
from streamz_core.serde.registry import CodecRegistry


class View(Record):
    user: str
    page: str
    ms: int


@dataclass
class Point:
    x: int
    y: float


class Box(TypedDict):
    width: int


SUBJECT = "value of topic 'views'"


def view_codec() -> ModelCodec[View]:
    return ModelCodec(View, SUBJECT, ValueDecodeError)


def test_a_column_of_models_decodes_in_order():
    column = [b'{"user":"a","page":"/","ms":%d}' % i for i in range(5)]

    assert [view.ms for view in view_codec().decode(column)] == [0, 1, 2, 3, 4]


def test_no_bytes_stay_none_and_bad_bytes_fail_alone():
    column = [b'{"user":"a","page":"/","ms":1}', None, b"{", b'{"user":"b","page":"/","ms":2}']

    first, tombstone, bad, last = view_codec().decode(column)

    assert (first.user, tombstone, last.user) == ("a", None, "b")
    assert isinstance(bad, DecodeFailure)
    assert isinstance(bad.error, ValueDecodeError)


def test_a_wrong_type_names_topic_field_expected_and_got():
    (failure,) = view_codec().decode([b'{"user":"a","page":"/","ms":"soon"}'])

    text = str(failure.error)
    assert "value of topic 'views'" in text
    assert "field 'ms': expected int, got str" in text


def test_a_missing_field_is_named():
    (failure,) = view_codec().decode([b'{"user":"a","ms":1}'])

    assert "field 'page': required, but missing" in str(failure.error)


@pytest.mark.parametrize("values", [(b"1,2", b"[3", b"4]"), (b'{"a":1', b'"b":2}')])
def test_malformed_neighbours_do_not_make_up_for_each_other(values):
    assert all(isinstance(value, DecodeFailure) for value in JsonCodec().decode(values)[:2])


def test_encoding_something_else_names_expected_and_got():
    with pytest.raises(EncodeError, match=r"value of topic 'views' does not fit View: .*'ms'.*int.*str"):
        view_codec().encode({"user": "a", "page": "/", "ms": "soon"})  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"value of topic 'views': expected JSON, got .*object"):
        JsonCodec(SUBJECT).encode({"a": object()})
    with pytest.raises(EncodeError, match=r"expected int \(decimal digits\), got bool \(True\)"):
        IntCodec(SUBJECT).encode(True)
    with pytest.raises(EncodeError, match=r"expected bytes, got int \(3\)"):
        RawCodec(SUBJECT).encode(3)
    with pytest.raises(EncodeError, match="str"):
        TextCodec(SUBJECT).encode("\ud800")


def test_a_dict_that_fits_is_written_as_the_model():
    assert view_codec().encode({"user": "a", "page": "/", "ms": 1}) == b'{"user":"a","page":"/","ms":1}'  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (Point, Point(1, 2.5)),
        (Box, {"width": 3}),
        (list[int], [1, 2]),
        (datetime, datetime(2026, 1, 2, tzinfo=UTC)),
        (float, 1.5),
    ],
)
def test_types_come_back_as_they_went(model, value):
    codec = CodecRegistry().codec(model, None, default="raw")

    assert codec.decode([codec.encode(value)]) == [value]


@given(st.lists(st.none() | st.text(max_size=20) | st.integers(-(2**60), 2**60) | st.lists(st.booleans())))
def test_json_columns_come_back_as_they_went(values):
    codec = JsonCodec()

    assert codec.decode([codec.encode(value) for value in values]) == values


@given(st.lists(st.binary(max_size=12) | st.none(), max_size=30))
def test_no_bytes_raise_out_of_a_column(column):
    for codec in (JsonCodec(), view_codec(), TextCodec(), IntCodec(), RawCodec()):
        assert len(codec.decode(column)) == len(column)


def test_the_type_chooses_the_codec():
    registry = CodecRegistry()

    def written(type_: Any, value: Any, serializer: str | None = None, default: str = "json") -> bytes | None:
        return registry.codec(type_, serializer, default=default).encode(value)

    assert written(None, "a") == b'"a"'
    assert written(None, b"a", default="raw") == b"a"
    assert written(str, "a") == b"a"
    assert written(str, "a", serializer="json") == b'"a"'
    assert written(int, 7, default="raw") == b"7"
    assert written(int, 7, serializer="raw") == b"7"
    assert written(View, View("a", "/", 1), default="raw") == b'{"user":"a","page":"/","ms":1}'


def test_an_unknown_serializer_names_the_closest():
    with pytest.raises(Misuse, match="did you mean 'json'"):
        CodecRegistry().codec(None, "jsn", default="raw", subject=SUBJECT)


class Upper:
    def dumps(self, obj: Any) -> bytes:
        return obj.upper().encode()

    def loads(self, s: bytes) -> Any:
        if not s.isupper():
            raise ValueError("not upper case")
        return s.decode().lower()


def test_a_serializer_of_the_users_own():
    registry = CodecRegistry()
    registry.register("upper", Upper())
    codec = registry.codec(None, "upper", default="raw")

    good, bad = codec.decode([b"ABC", b"abc"])

    assert codec.encode("abc") == b"ABC"
    assert good == "abc"
    assert "not upper case" in str(bad.error)


def test_registering_nonsense_is_refused():
    with pytest.raises(Misuse, match="built in"):
        CodecRegistry().register("json", Upper())
    with pytest.raises(Misuse, match="dumps"):
        CodecRegistry().register("x", object())  # type: ignore[arg-type]


class Duck:
    """Stands for a pydantic model."""

    def __init__(self, n: int) -> None:
        self.n = n

    @classmethod
    def model_validate_json(cls, data: bytes) -> Duck:
        return cls(int(data))

    @classmethod
    def model_validate(cls, value: Any) -> Duck:
        return cls(value["n"])

    def model_dump_json(self) -> str:
        return str(self.n)


def test_pydantic_models_are_known_by_their_methods():
    codec = CodecRegistry().codec(Duck, None, default="raw", subject=SUBJECT)

    good, bad = codec.decode([b"3", b"x"])

    assert good.n == 3
    assert "value of topic 'views' does not fit Duck" in str(bad.error)
    assert codec.encode(Duck(4)) == b"4"
    assert codec.encode({"n": 5}) == b"5"


def test_a_type_nobody_can_read_is_refused_at_once():
    with pytest.raises(Misuse, match="cannot read JSON as"):
        CodecRegistry().codec(dict[Point, int] | list[int] | set[int], None, default="raw", subject=SUBJECT)


def test_a_column_is_encoded_as_its_values_are():
    codec = JsonCodec("value of topic 'views'")
    values = [1, {"a": None}, "text", [None]]

    assert codec.encode_column(values) == [codec.encode(value) for value in values]
    assert codec.encode_column([1, None, 2]) == [b"1", None, b"2"], "a tombstone is no JSON null"
    with pytest.raises(EncodeError, match=r"value of topic 'views'.*object"):
        codec.encode_column([1, object(), None])
