"""Owns: that the blocking clients do what the asynchronous ones do, for threads. Must not know: an event loop."""

from __future__ import annotations

import inspect
import itertools
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from streamz_core.aiokafka import AIOKafkaConsumer, AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from streamz_core.aiokafka.admin import AIOKafkaAdminClient, NewTopic
from streamz_core.blocking import KafkaAdminClient, KafkaConsumer, KafkaProducer
from streamz_core.blocking.loop_thread import LoopThread
from streamz_core.client.errors import IllegalOperation, IllegalStateError, MessageSizeTooLargeError

_names = itertools.count()
T0 = TopicPartition("t", 0)
NOT_FOR_THREADS = {"client", "transaction"}
"""The bare client has requests of its own kind; a transaction is a ``with`` block there and here."""


@pytest.fixture(name="address", params=["memory", "file"])
def _address(request, tmp_path):
    return f"memory://blocking-{next(_names)}" if request.param == "memory" else f"file://{tmp_path}/data"


def consumer(address, **settings):
    return KafkaConsumer("t", bootstrap_servers=address, auto_offset_reset="earliest", **settings)


def produce(address, *values):
    with KafkaProducer(bootstrap_servers=address) as producer:
        return [producer.send("t", value) for value in values]


@pytest.mark.parametrize(
    ("blocking", "asynchronous"),
    [
        (KafkaProducer, AIOKafkaProducer),
        (KafkaConsumer, AIOKafkaConsumer),
        (KafkaAdminClient, AIOKafkaAdminClient),
    ],
)
def test_every_method_is_there_with_its_parameters(blocking, asynchronous):
    for name, method in inspect.getmembers(asynchronous):
        if name.startswith("_") or not callable(method) or name in NOT_FOR_THREADS:
            continue
        here = getattr(blocking, name)
        assert inspect.getdoc(here), name
        parameters = inspect.signature(here).parameters
        if "args" not in parameters:
            assert list(parameters) == list(inspect.signature(method).parameters), name


def test_what_is_sent_is_read(address):
    futures = produce(address, b"a", b"b", b"c")
    assert [future.result(0).offset for future in futures] == [0, 1, 2]

    with consumer(address) as reader:
        assert reader.assignment() == {T0}
        assert reader.getone().value == b"a"
        assert [record.value for record in itertools.islice(reader, 2)] == [b"b", b"c"]
        assert reader.position(T0) == 3
        reader.seek(T0, 1)
        assert [record.value for record in reader.getmany(timeout_ms=1_000)[T0]] == [b"b", b"c"]
        assert reader.getmany(timeout_ms=0) == {}


def test_a_group_goes_on_after_what_was_done(address):
    produce(address, b"a", b"b", b"c")
    with consumer(address, group_id="g") as reader:
        assert next(reader).value == b"a"

    with pytest.raises(ZeroDivisionError), consumer(address, group_id="g") as reader:
        1 // (next(reader).value == b"a")

    with consumer(address, group_id="g") as reader:
        assert next(reader).value == b"b", "the record that failed"


def test_stop_looks_at_the_exception_of_its_own_thread(address):
    produce(address, b"a")
    reader = consumer(address, group_id="g")
    reader.start()
    try:
        raise ValueError(next(reader))
    except ValueError:
        reader.stop()

    with consumer(address, group_id="g") as again:
        assert next(again).value == b"a"
        again.stop(commit=False)


def test_transactions(address):
    with KafkaProducer(bootstrap_servers=address, transactional_id="x") as producer:
        with pytest.raises(ZeroDivisionError), producer.transaction():
            producer.send("t", b"aborted")
            raise ZeroDivisionError
        with producer.transaction():
            producer.send("t", b"committed")
            producer.send_offsets_to_transaction({T0: OffsetAndMetadata(7, "")}, "g")
        with pytest.raises(IllegalOperation):
            producer.send("t", b"outside")

    with consumer(address, isolation_level="read_committed") as reader:
        assert next(reader).value == b"committed"
    with KafkaAdminClient(bootstrap_servers=address) as admin:
        assert admin.list_consumer_group_offsets("g")[T0].offset == 7


def test_batches_and_topics(address):
    with KafkaAdminClient(bootstrap_servers=address) as admin:
        admin.create_topics([NewTopic("t", 2, 1)]).raise_for_errors()
        assert admin.list_topics() == ["t"]
    with KafkaProducer(bootstrap_servers=address) as producer:
        batch = producer.create_batch()
        batch.append(key=None, value=b"v", timestamp=None)
        assert producer.send_batch(batch, "t", partition=1).result().offset == 0
        assert producer.partitions_for("t") == {0, 1}


def test_errors_are_those_of_the_client():
    address = f"memory://blocking-{next(_names)}"
    with pytest.raises(ValueError, match="acks"):
        KafkaProducer(bootstrap_servers=address, acks=7)
    with pytest.raises(IllegalStateError, match="start"):
        KafkaConsumer("t", bootstrap_servers=address).getone()
    producer = KafkaProducer(bootstrap_servers=address, max_request_size=100)
    with producer, pytest.raises(MessageSizeTooLargeError):
        producer.send("t", bytes(200))

    with KafkaAdminClient(bootstrap_servers=address) as admin:
        admin.create_topics([NewTopic("small", 1, 1, topic_configs={"max.message.bytes": 100})])
    with KafkaProducer(bootstrap_servers=address) as producer:
        refused = producer.send("small", bytes(200))
        assert isinstance(refused.exception(), MessageSizeTooLargeError)


def test_many_threads_share_a_producer():
    address = f"memory://blocking-{next(_names)}"
    with KafkaProducer(bootstrap_servers=address) as producer, ThreadPoolExecutor(4) as threads:
        sent = list(threads.map(lambda number: producer.send_and_wait("t", b"%d" % number).offset, range(40)))
    assert sorted(sent) == list(range(40))


def test_stopping_from_another_thread_ends_the_loop():
    with consumer(f"memory://blocking-{next(_names)}") as reader:
        stopping = threading.Thread(target=reader.stop)
        stopping.start()
        assert list(reader) == []
        stopping.join()


def test_a_call_from_the_clients_own_thread_is_refused():
    address = f"memory://blocking-{next(_names)}"
    with (
        KafkaProducer(
            bootstrap_servers=address, value_serializer=lambda value: producer.partitions_for("t")
        ) as producer,
        pytest.raises(IllegalStateError, match="serializer"),
    ):
        producer.send("t", "v")


def test_who_is_interrupted_calls_its_wait_off(monkeypatch):
    def interrupted(future, timeout=None):
        raise KeyboardInterrupt

    with consumer(f"memory://blocking-{next(_names)}") as reader:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Future, "result", interrupted)
            reader.getone()
        assert reader.getmany(timeout_ms=0) == {}


def test_a_fork_has_a_loop_of_its_own(monkeypatch):
    before = LoopThread.of_process()
    assert LoopThread.of_process() is before
    monkeypatch.setattr(LoopThread, "_of_process", before)
    monkeypatch.setattr(os, "getpid", lambda: before.pid + 1)

    assert LoopThread.of_process() is not before
