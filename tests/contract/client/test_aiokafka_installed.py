"""Owns: the comparison of ``streamz_core.aiokafka`` with the aiokafka that is installed beside it.

The manifest lists names and signatures; what they are and do is asked of aiokafka itself.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import aiokafka
import pytest
from aiokafka import errors as their_errors
from aiokafka.producer.message_accumulator import BatchBuilder as TheirBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.aiokafka import errors as our_errors
from streamz_core.aiokafka.admin.config_resource import ConfigResourceType
from streamz_core.aiokafka.partitioner import DefaultPartitioner, murmur2
from streamz_core.aiokafka.producer.message_accumulator import BatchBuilder

# What aiokafka's users import; the rest of its modules are the insides of its client.
INSIDES = {
    "aiokafka.codec",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.consumer.subscription_state",
    "aiokafka.coordinator.assignors.sticky.partition_movements",
    "aiokafka.coordinator.assignors.sticky.sorted_set",
    "aiokafka.producer.sender",
    "aiokafka.producer.transaction_manager",
    "aiokafka.util",
}
PUBLIC = [
    found.name
    for found in pkgutil.walk_packages(aiokafka.__path__, "aiokafka.")
    if found.name not in INSIDES and not found.name.startswith(("aiokafka.protocol", "aiokafka.record"))
]
ERRORS = [
    name
    for name, found in vars(their_errors).items()
    if isinstance(found, type) and issubclass(found, Exception)
]
# Of which package each class of a public module is, seen from the module that has it.
OWN = [
    (module, name)
    for module in PUBLIC
    for name, found in vars(importlib.import_module(module)).items()
    if inspect.isclass(found) and found.__module__ == module and not name.startswith("_")
]
# Classes inside public modules that no program is handed.
NOT_OFFERED = {
    ("aiokafka.client", "ConnectionGroup"): "there is one connection",
    ("aiokafka.client", "CoordinationType"): "the numbers 0 and 1 do",
    ("aiokafka.producer.message_accumulator", "MessageAccumulator"): "inside",
    ("aiokafka.producer.message_accumulator", "MessageBatch"): "inside",
    ("aiokafka.producer.producer", "TransactionContext"): "what transaction() returns",
    ("aiokafka.coordinator.assignors.sticky.sticky_assignor", "ConsumerGenerationPair"): "inside",
    ("aiokafka.coordinator.assignors.sticky.sticky_assignor", "ConsumerSubscription"): "inside",
    ("aiokafka.coordinator.assignors.sticky.sticky_assignor", "StickyAssignmentExecutor"): "inside",
    ("aiokafka.coordinator.assignors.sticky.sticky_assignor", "StickyAssignorMemberMetadataV1"): "inside",
    ("aiokafka.coordinator.assignors.sticky.sticky_assignor", "StickyAssignorUserDataV1"): "inside",
}


def test_it_is_the_release_we_are_like():
    assert importlib.import_module("streamz_core.aiokafka").__version__ == aiokafka.__version__
    assert set(importlib.import_module("streamz_core.aiokafka").__all__) == set(aiokafka.__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_its_public_modules_are_here(module):
    ours = importlib.import_module(f"streamz_core.{module}")
    theirs = importlib.import_module(module)

    assert set(getattr(theirs, "__all__", ())) <= set(dir(ours))


@pytest.mark.parametrize(("module", "name"), OWN)
def test_its_public_classes_are_here(module, name):
    is_offered = hasattr(importlib.import_module(f"streamz_core.{module}"), name)

    assert is_offered != ((module, name) in NOT_OFFERED)


@pytest.mark.parametrize("name", ERRORS)
def test_its_errors_are_ours(name):
    ours, theirs = getattr(our_errors, name), getattr(their_errors, name)

    assert {base.__name__ for base in theirs.__mro__} <= {base.__name__ for base in ours.__mro__}
    for attribute in ("errno", "message", "retriable", "invalid_metadata"):
        if getattr(theirs, attribute, None) is not None:
            assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    if getattr(theirs, "description", ""):
        assert ours.description
    assert str(ours("what was asked")).endswith("what was asked")


@pytest.mark.parametrize("code", range(-1, 130))
def test_its_codes_lead_to_the_same_errors(code):
    theirs = their_errors.for_code(code)
    if theirs is not their_errors.UnknownError:
        assert our_errors.for_code(code).__name__ == theirs.__name__
        assert our_errors.kafka_errors[code] is our_errors.for_code(code)


def test_its_enumerations_have_the_same_values():
    theirs = importlib.import_module("aiokafka.admin.config_resource").ConfigResourceType

    assert {kind.name: int(kind) for kind in theirs} == {
        kind.name: int(ConfigResourceType[kind.name]) for kind in theirs
    }


@given(key=st.binary(max_size=64), count=st.integers(1, 50))
def test_a_key_goes_to_the_same_partition(key, count):
    partitions = list(range(count))
    theirs = importlib.import_module("aiokafka.partitioner")

    assert murmur2(key) == theirs.murmur2(key)
    assert DefaultPartitioner()(key, partitions, []) == theirs.DefaultPartitioner()(key, partitions, [])


@given(
    sizes=st.lists(st.integers(0, 200), min_size=1, max_size=30),
    batch_size=st.integers(100, 1_000),
)
def test_a_batch_takes_about_as_many_records(sizes, batch_size):
    ours = BatchBuilder(batch_size, None)
    theirs = TheirBatchBuilder(batch_size, 0)
    for builder in (ours, theirs):
        for size in sizes:
            if builder.append(timestamp=1, key=None, value=b"v" * size) is None:
                assert builder.closed()
                assert builder.append(timestamp=1, key=None, value=b"") is None
                break

    # Ours estimates what a record takes beyond its bytes, from above.
    assert 1 <= ours.record_count() <= theirs.record_count()
    assert theirs.record_count() - ours.record_count() <= 0.5 * theirs.record_count() + 1


@pytest.mark.parametrize("listener", ["ConsumerRebalanceListener", "AbstractTokenProvider"])
def test_its_abstract_classes_want_the_same_methods(listener):
    ours = getattr(importlib.import_module("streamz_core.aiokafka.abc"), listener)
    theirs = getattr(importlib.import_module("aiokafka.abc"), listener)

    assert ours.__abstractmethods__ == theirs.__abstractmethods__


@pytest.mark.parametrize("name", ["range", "roundrobin", "sticky.sticky_assignor"])
def test_its_assignors_have_the_same_names(name):
    def names(package):
        module = importlib.import_module(f"{package}.coordinator.assignors.{name}")
        found = [a for a in vars(module).values() if isinstance(getattr(a, "name", None), str)]
        return {assignor.name for assignor in found if inspect.isclass(assignor)}

    assert names("streamz_core.aiokafka") == names("aiokafka")
