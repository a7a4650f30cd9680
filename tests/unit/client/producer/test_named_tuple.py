"""Named tuples made in C and in Python are the same, and leave nothing behind."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import weakref
from collections import namedtuple

import pytest

from streamz_core.client.producer import named_tuple as module
from streamz_core.model import RecordMetadata, TopicPartition
from streamz_core.protocol.compiled import is_compiled

FIELDS = ("views", 1, TopicPartition("views", 1), 5, 1_700_000_000_000, 0, None)


class WithDict(tuple):
    """A subclass that is laid out otherwise."""


@pytest.fixture(params=["C", "Python"] if is_compiled() else ["Python"])
def named_tuple(request):
    return module.named_tuple if request.param == "C" else module.in_python


def test_where_modules_are_compiled_it_is_c() -> None:
    assert (type(module.named_tuple) is type(len)) == is_compiled()
    assert (module.named_tuple is module.in_python) == (not is_compiled())


def test_it_is_what_calling_the_class_makes(named_tuple) -> None:
    made = named_tuple(RecordMetadata, *FIELDS)

    assert made == RecordMetadata(*FIELDS) == FIELDS
    assert type(made) is RecordMetadata
    assert isinstance(made, tuple)
    assert made._fields == RecordMetadata._fields
    assert made._replace(offset=6).offset == 6
    assert made._asdict()["timestamp"] == 1_700_000_000_000
    assert hash(made) == hash(FIELDS)
    assert repr(made) == repr(RecordMetadata(*FIELDS))
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize("cls", [tuple, WithDict, namedtuple("None_", [])])
def test_any_subclass_of_tuple_will_do(named_tuple, cls) -> None:
    for count in (0, 1, 30):
        made = named_tuple(cls, *range(count))
        assert type(made) is cls
        assert made == tuple(range(count))
    assert named_tuple(tuple) == ()


@pytest.mark.parametrize("args", [(), (int, 1), (5, 1), (os.stat_result, 1, 2), (object,)])
def test_nothing_else_will(named_tuple, args) -> None:
    with pytest.raises(TypeError):
        named_tuple(*args)


def test_it_holds_each_field_once_and_lets_go(named_tuple) -> None:
    field = object()
    before = sys.getrefcount(field), sys.getrefcount(RecordMetadata)

    made = [named_tuple(RecordMetadata, field, field) for _ in range(100)]
    assert sys.getrefcount(field) == before[0] + 200

    del made
    for cls in (os.stat_result, int):
        with pytest.raises(TypeError):
            named_tuple(cls, field)
    assert (sys.getrefcount(field), sys.getrefcount(RecordMetadata)) == before


def test_the_collector_finds_a_cycle_through_it(named_tuple) -> None:
    class Node:
        pass

    node = Node()
    node.where = named_tuple(TopicPartition, node, 0)
    assert gc.is_tracked(node.where)
    gone = weakref.ref(node)

    del node
    gc.collect()

    assert gone() is None
