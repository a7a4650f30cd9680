"""Each parameter of the clients is honoured, has no meaning in process, or is refused.

Owns: the walk over aiokafka's constructor parameters, on the real broker, seen through its link.
Must not know: how the clients keep their settings.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from itertools import pairwise

import pytest

from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewPartitions, NewTopic
from streamz_core.client.compatible_client import AIOKafkaClient
from streamz_core.client.consumer.assignors.range import RangePartitionAssignor
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.model import TopicPartition
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.messages.fetch import FetchRequest, IsolationLevel
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.join_group import JoinGroupRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest
from streamz_core.protocol.messages.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from streamz_core.protocol.record_batch import split

T = TopicPartition("t", 0)

# Taken, because a program must run unchanged, and without anything to act on in this process.
WITHOUT_MEANING = {
    "client_id": "names a client in a broker's log; a consumer's is the beginning of its member id",
    "connections_max_idle_ms": "there is no connection that could be idle",
    "ssl_context": "only for security_protocol SSL, which is refused",
    "sasl_mechanism": "only for security_protocol SASL_*, which is refused",
    "sasl_plain_username": "as sasl_mechanism",
    "sasl_plain_password": "as sasl_mechanism",
    "sasl_kerberos_service_name": "as sasl_mechanism",
    "sasl_kerberos_domain_name": "as sasl_mechanism",
    "sasl_oauth_token_provider": "as sasl_mechanism",
    "client_rack": "there is one copy, in no rack",
}
# Refused where they ask for what cannot be had: the tests below, and tests/unit/client/test_settings.py.
REFUSED = {"security_protocol", "loop", "api_version"}
OF_ALL = {"bootstrap_servers", "request_timeout_ms", "retry_backoff_ms", "metadata_max_age_ms"}
HONOURED = {
    AIOKafkaProducer: OF_ALL
    | {"acks", "key_serializer", "value_serializer", "compression_type", "max_batch_size", "partitioner"}
    | {"max_request_size", "linger_ms", "enable_idempotence", "transactional_id", "transaction_timeout_ms"}
    | {"buffer_memory"},
    AIOKafkaConsumer: OF_ALL
    | {"topics", "group_id", "group_instance_id", "key_deserializer", "value_deserializer"}
    | {"fetch_max_wait_ms", "fetch_max_bytes", "fetch_min_bytes", "max_partition_fetch_bytes"}
    | {"auto_offset_reset", "enable_auto_commit", "auto_commit_interval_ms", "check_crcs"}
    | {"partition_assignment_strategy", "max_poll_interval_ms", "rebalance_timeout_ms"}
    | {"session_timeout_ms", "heartbeat_interval_ms", "consumer_timeout_ms", "max_poll_records"}
    | {"exclude_internal_topics", "isolation_level"},
    AIOKafkaAdminClient: OF_ALL,
    AIOKafkaClient: OF_ALL,
}
CLIENTS = list(HONOURED)


class WatchedLink:
    """A link that keeps what is asked over it, and answers in the broker's place where a test wants that."""

    def __init__(self, link):
        self._link = link
        self.clock = link.clock
        self.requests = []
        self.answers = {}

    def sent(self, request_type):
        return [request for request in self.requests if isinstance(request, request_type)]

    def keys(self):
        return [request.api_key for request in self.requests]

    async def send(self, request):
        self.requests.append(request)
        answer = self.answers.get(type(request))
        return await (self._link.send(request) if answer is None else answer(request))

    async def close(self):
        pass


async def no_answer(request):
    await asyncio.get_running_loop().create_future()


@pytest.fixture
async def watched(address):
    link = await open_link(address)
    yield WatchedLink(link)
    await link.close()


@pytest.fixture
def produced(watched):
    """The headers of the batches sent so far."""
    return lambda: [
        header
        for request in watched.sent(ProduceRequest)
        for topic in request.topic_data
        for data in topic.partition_data
        for _, header in split(data.records.joined())
    ]


@pytest.fixture
async def made(watched, clock):
    """Makes clients on the watched link, and stops them."""
    clients = []

    async def make(client_type, *topics, **settings):
        client = client_type(*topics, bootstrap_servers=watched, **settings)
        clients.append(client)
        await clock.drive(client.bootstrap() if client_type is AIOKafkaClient else client.start())
        return client

    yield make
    for client in clients:
        watched.answers.clear()
        await clock.drive(client.close() if hasattr(client, "close") else client.stop())


async def fill(address, values, **settings):
    async with AIOKafkaProducer(bootstrap_servers=address, **settings) as producer:
        await asyncio.gather(*[await producer.send("t", value) for value in values])


@pytest.mark.parametrize("client_type", CLIENTS)
def test_every_parameter_is_accounted_for(client_type):
    names = set(inspect.signature(client_type).parameters)

    assert names == HONOURED[client_type] | REFUSED | (names & WITHOUT_MEANING.keys())
    assert not HONOURED[client_type] & WITHOUT_MEANING.keys()


@pytest.mark.parametrize("client_type", CLIENTS)
async def test_what_has_no_meaning_is_taken(client_type, made):
    names = set(inspect.signature(client_type).parameters) & WITHOUT_MEANING.keys()
    values = {"sasl_mechanism": "PLAIN", "connections_max_idle_ms": 5, "ssl_context": None}

    assert await made(client_type, **{name: values.get(name, "anything") for name in names})


@pytest.mark.parametrize("client_type", CLIENTS)
@pytest.mark.parametrize("name", ["loop", "api_version"])
async def test_what_is_deprecated_warns_as_in_aiokafka(client_type, name):
    value = {"loop": asyncio.get_running_loop(), "api_version": "auto"}[name]

    with pytest.warns(DeprecationWarning, match=name) as warned:
        client_type(bootstrap_servers="memory://x", **{name: value})
    assert warned[0].filename == __file__


@pytest.mark.parametrize("client_type", CLIENTS)
async def test_another_loop_is_refused(client_type):
    other = asyncio.new_event_loop()
    with pytest.warns(DeprecationWarning, match="loop"):
        client = client_type(bootstrap_servers="memory://x", loop=other)
    other.close()

    with pytest.raises(Misuse, match="loop"):
        await (client.bootstrap() if client_type is AIOKafkaClient else client.start())


async def test_request_timeout_ms(made, watched, clock):
    producer = await made(AIOKafkaProducer, request_timeout_ms=300)
    consumer = await made(AIOKafkaConsumer, "t", group_id="g", request_timeout_ms=300)
    admin = await made(AIOKafkaAdminClient, request_timeout_ms=300)
    client = await made(AIOKafkaClient, request_timeout_ms=300)
    watched.answers |= {ProduceRequest: no_answer, MetadataRequest: no_answer, OffsetCommitRequest: no_answer}
    begun_ms = clock.monotonic_ms()

    calls = [
        producer.send_and_wait("t", b"v"),
        producer.flush(),
        consumer.commit({T: 0}),
        consumer.topics(),
        admin.list_topics(),
        client.fetch_all_metadata(),
        client.force_metadata_update(),
    ]
    outcomes = await clock.drive(asyncio.gather(*calls, return_exceptions=True))

    assert clock.monotonic_ms() - begun_ms <= 600
    assert outcomes.pop() is False
    for outcome in (outcomes[0], *outcomes[2:]):
        assert isinstance(outcome, errors.KafkaTimeoutError)
        assert "300 ms" in str(outcome)


async def test_timeout_ms_of_a_call_comes_before_that_of_the_client(made, watched, clock):
    admin = await made(AIOKafkaAdminClient, request_timeout_ms=100_000)
    watched.answers = dict.fromkeys(map(type, watched.requests), no_answer)

    for call in (
        admin.create_topics([NewTopic("x", 1, 1)], timeout_ms=50),
        admin.delete_topics(["t"], timeout_ms=50),
        admin.create_partitions({"t": NewPartitions(2)}, timeout_ms=50),
    ):
        request_type = {"create_topics": 19, "delete_topics": 20, "create_partitions": 37}[call.__name__]
        original = watched.send

        async def stuck(request, original=original, request_type=request_type):
            return await (no_answer(request) if request.api_key == request_type else original(request))

        watched.send = stuck
        begun_ms = clock.monotonic_ms()
        with pytest.raises(errors.KafkaTimeoutError, match="50 ms"):
            await clock.drive(call)
        assert clock.monotonic_ms() - begun_ms == 50
        watched.send = original
    with pytest.raises(errors.KafkaConfigurationError, match="timeout_ms"):
        await admin.delete_topics(["t"], timeout_ms=0)


async def test_retry_backoff_ms(made, watched, clock):
    times = []

    async def not_now(request):
        times.append(clock.monotonic_ms())
        (topic,) = request.topic_data
        result = PartitionProduceResponse(index=0, error_code=ErrorCode.NOT_ENOUGH_REPLICAS, base_offset=-1)
        return ProduceResponse(
            responses=[TopicProduceResponse(name=topic.name, partition_responses=[result])]
        )

    producer = await made(AIOKafkaProducer, retry_backoff_ms=70, request_timeout_ms=250)
    watched.answers[ProduceRequest] = not_now
    with pytest.raises(errors.KafkaError):
        await clock.drive(producer.send_and_wait("t", b"v"))

    assert [later - earlier for earlier, later in pairwise(times)] == [70, 70, 70]


async def test_metadata_max_age_ms(made, watched, clock, address):
    producer = await made(AIOKafkaProducer, metadata_max_age_ms=500)
    consumer = await made(AIOKafkaConsumer, "t", metadata_max_age_ms=500)
    member = await made(AIOKafkaConsumer, "t", group_id="g", metadata_max_age_ms=500)
    client = await made(AIOKafkaClient, metadata_max_age_ms=500)
    await producer.send_and_wait("t", b"v")
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        await admin.create_partitions({"t": NewPartitions(3)})
    assert client.cluster.partitions_for_topic("t") == {0}
    await clock.advance(450)
    assert len(consumer.assignment()) == len(member.assignment()) == 1

    await clock.advance(10_000)
    places = set()
    for number in range(200):
        places.add((await clock.drive(producer.send_and_wait("t", b"v", key=b"%d" % number))).partition)
    assert client.cluster.partitions_for_topic("t") is not None
    await clock.settle()

    assert len(consumer.assignment()) == len(member.assignment()) == 3
    assert places == {0, 1, 2}
    assert client.cluster.partitions_for_topic("t") == {0, 1, 2}


@pytest.mark.parametrize(("acks", "asked"), [("all", -1), (-1, -1), (1, 1), (0, 0), (None, -1)])
async def test_acks(made, watched, acks, asked):
    producer = await made(AIOKafkaProducer, **({} if acks is None else {"acks": acks}))
    await producer.send_and_wait("t", b"v")

    assert [request.acks for request in watched.sent(ProduceRequest)] == [asked]


async def test_serializers_and_deserializers(made, clock):
    producer = await made(
        AIOKafkaProducer, key_serializer=str.encode, value_serializer=lambda value: json.dumps(value).encode()
    )
    await producer.send_and_wait("t", {"a": [1, None]}, key="k")
    batch = producer.create_batch()
    batch.append(timestamp=None, key="b", value=2)
    await (await producer.send_batch(batch, "t", partition=0))

    consumer = await made(
        AIOKafkaConsumer,
        "t",
        auto_offset_reset="earliest",
        key_deserializer=bytes.decode,
        value_deserializer=json.loads,
    )
    records = [await clock.drive(consumer.getone()) for _ in range(2)]

    assert [(record.key, record.value) for record in records] == [("k", {"a": [1, None]}), ("b", 2)]


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd", None])
async def test_compression_type(made, produced, name):
    producer = await made(AIOKafkaProducer, compression_type=name)
    await producer.send_and_wait("t", b"compress me " * 50)

    assert [header.compression for header in produced()] == [Compression.from_name(name)]


async def test_max_batch_size(made, produced):
    producer = await made(AIOKafkaProducer, max_batch_size=500, linger_ms=5)
    futures = [await producer.send("t", b"v" * 90) for _ in range(40)]
    await producer.flush()

    assert all(future.done() for future in futures)
    assert len(produced()) >= 8
    assert all(header.size_bytes <= 500 for header in produced())


async def test_max_request_size(made):
    producer = await made(AIOKafkaProducer, max_request_size=1_000)

    await producer.send_and_wait("t", b"v" * 800)
    with pytest.raises(errors.MessageSizeTooLargeError, match=r"'t'.*max_request_size is 1000"):
        await producer.send("t", b"v" * 1_000)


async def test_linger_ms(made, watched, clock):
    producer = await made(AIOKafkaProducer, linger_ms=50)
    futures = [await producer.send("t", b"v") for _ in range(3)]
    await clock.advance(49)
    assert not any(future.done() for future in futures)

    await clock.advance(1)

    assert all(future.done() for future in futures)
    assert len(watched.sent(ProduceRequest)) == 1


async def test_partitioner(made):
    producer = await made(AIOKafkaProducer, partitioner=lambda key, partitions, available: partitions[-1])

    assert (await producer.send_and_wait("four", b"v", key=b"any")).partition == 3


async def test_enable_idempotence(made, produced):
    for is_idempotent in (False, True):
        producer = await made(AIOKafkaProducer, enable_idempotence=is_idempotent)
        await producer.send_and_wait("t", b"v")

    assert [header.producer_id >= 0 for header in produced()] == [False, True]
    assert produced()[1].base_sequence == 0


async def test_transactional_id_and_transaction_timeout_ms(made, watched, produced):
    producer = await made(AIOKafkaProducer, transactional_id="tx", transaction_timeout_ms=7_000)
    async with producer.transaction():
        await producer.send("t", b"v")

    (request,) = watched.sent(InitProducerIdRequest)
    assert (request.transactional_id, request.transaction_timeout_ms) == ("tx", 7_000)
    assert [header.is_transactional for header in produced()] == [True]


async def test_buffer_memory(made, watched, clock):
    producer = await made(AIOKafkaProducer, buffer_memory=2_000, max_batch_size=500, request_timeout_ms=100)
    watched.answers[ProduceRequest] = no_answer

    async def send_until_full():
        while True:
            await producer.send("t", b"v" * 100)

    with pytest.raises(errors.KafkaTimeoutError, match="100 ms"):
        await clock.drive(send_until_full())


async def test_fetch_settings(made, watched, clock):
    await made(
        AIOKafkaConsumer,
        "t",
        fetch_max_wait_ms=123,
        fetch_min_bytes=45,
        fetch_max_bytes=67_000,
        max_partition_fetch_bytes=8_900,
        isolation_level="read_committed",
    )
    await clock.settle()
    request = watched.sent(FetchRequest)[-1]

    assert (request.max_wait_ms, request.min_bytes, request.max_bytes) == (123, 45, 67_000)
    assert request.topics[0].partitions[0].partition_max_bytes == 8_900
    assert request.isolation_level is IsolationLevel.READ_COMMITTED


@pytest.mark.parametrize(("policy", "position"), [("earliest", 0), ("latest", 3), ("EARLIEST", 0)])
async def test_auto_offset_reset(made, address, clock, policy, position):
    await fill(address, [b"1", b"2", b"3"])
    consumer = await made(AIOKafkaConsumer, "t", auto_offset_reset=policy)

    assert await clock.drive(consumer.position(T)) == position


async def test_auto_offset_reset_none(made, clock):
    consumer = await made(AIOKafkaConsumer, "t", auto_offset_reset="none")

    with pytest.raises(errors.NoOffsetForPartitionError, match=r"'t' partition 0.*seek") as raised:
        await clock.drive(consumer.getone())
    assert raised.value.args[0] == T


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_automatic_commits(made, watched, address, clock, is_enabled):
    await fill(address, [b"1", b"2"])
    consumer = await made(
        AIOKafkaConsumer,
        "t",
        group_id="g",
        auto_offset_reset="earliest",
        enable_auto_commit=is_enabled,
        auto_commit_interval_ms=700,
    )
    for _ in range(2):
        await clock.drive(consumer.getone())
    await clock.advance(690)
    assert watched.sent(OffsetCommitRequest) == []
    await clock.advance(20)

    assert len(watched.sent(OffsetCommitRequest)) == is_enabled


async def test_check_crcs(made, watched, address, clock):
    await fill(address, [b"value"])

    async def damaged(request):
        answer = await watched._link.send(request)
        for topic in answer.responses:
            for index, found in enumerate(topic.partitions):
                if len(found.records) > 0:
                    rotten = bytearray(found.records)
                    rotten[-3] ^= 1
                    topic.partitions[index] = type(found)(
                        **{field: getattr(found, field) for field in found.__struct_fields__}
                        | {"records": bytes(rotten)}
                    )
        return answer

    watched.answers[FetchRequest] = damaged
    trusting = await made(AIOKafkaConsumer, "t", auto_offset_reset="earliest", check_crcs=False)
    checking = await made(AIOKafkaConsumer, "t", auto_offset_reset="earliest")

    assert (await clock.drive(trusting.getone())).value != b"value"
    with pytest.raises(errors.CorruptRecordException):
        await clock.drive(checking.getone())


async def test_membership_settings(made, watched, clock):
    await made(
        AIOKafkaConsumer,
        "t",
        group_id="the-group",
        group_instance_id="the-instance",
        session_timeout_ms=9_000,
        rebalance_timeout_ms=8_000,
        heartbeat_interval_ms=2_000,
        partition_assignment_strategy=[RangePartitionAssignor],
    )
    await clock.advance(6_100)

    request = watched.sent(JoinGroupRequest)[-1]
    assert (request.group_id, request.group_instance_id) == ("the-group", "the-instance")
    assert (request.session_timeout_ms, request.rebalance_timeout_ms) == (9_000, 8_000)
    assert [protocol.name for protocol in request.protocols] == ["range"]
    assert len(watched.sent(HeartbeatRequest)) == 4  # one at once, then every two seconds


async def test_the_rebalance_timeout_is_the_session_timeout_where_it_is_not_given(made, watched):
    await made(AIOKafkaConsumer, "t", group_id="g", session_timeout_ms=9_000)

    assert watched.sent(JoinGroupRequest)[-1].rebalance_timeout_ms == 9_000


async def test_max_poll_interval_ms(made, clock):
    consumer = await made(AIOKafkaConsumer, "t", group_id="g", max_poll_interval_ms=5_000)
    await clock.advance(4_000)
    assert consumer.assignment() == {T}

    await clock.advance(10_000)

    assert consumer.assignment() == set()


async def test_max_poll_records(made, address, clock):
    await fill(address, [b"v"] * 10)
    consumer = await made(AIOKafkaConsumer, "t", auto_offset_reset="earliest", max_poll_records=4)

    sizes = [len((await clock.drive(consumer.getmany(timeout_ms=100)))[T]) for _ in range(3)]
    assert sizes == [4, 4, 2]


async def test_consumer_timeout_ms(made, clock):
    consumer = await made(AIOKafkaConsumer, "t", consumer_timeout_ms=30)
    consumer.pause(T)
    await clock.settle()

    assert clock.next_timer_ms is not None
    assert clock.next_timer_ms <= 30


@pytest.mark.parametrize("excludes", [True, False])
async def test_exclude_internal_topics(made, clock, excludes):
    await made(AIOKafkaConsumer, "t", group_id="makes-the-offsets-topic")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=(await made(AIOKafkaClient)).requests.link, exclude_internal_topics=excludes
    )
    consumer.subscribe(pattern=".*")
    await clock.drive(consumer.start())
    subscription, topics = consumer.subscription(), await consumer.topics()
    await clock.drive(consumer.stop())

    assert ("__consumer_offsets" in subscription) != excludes
    assert ("__consumer_offsets" in topics) != excludes


async def test_isolation_level(made, address, clock):
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait("t", b"open")
        seen = {}
        for level in ("read_uncommitted", "read_committed"):
            consumer = await made(AIOKafkaConsumer, "t", auto_offset_reset="earliest", isolation_level=level)
            seen[level] = await clock.drive(consumer.getmany(timeout_ms=50))
            assert (await consumer.end_offsets([T]))[T] == (1 if level == "read_uncommitted" else 0)
        await producer.abort_transaction()

    assert [record.value for record in seen["read_uncommitted"][T]] == [b"open"]
    assert seen["read_committed"] == {}
