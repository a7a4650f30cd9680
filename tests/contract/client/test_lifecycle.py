"""Before start, after stop, and while the broker is stuck: every public method of the clients, by manifest.

Owns: the promise that a call in the wrong moment says so, and that no call but one for records waits for ever.
Must not know: what the methods do.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from pathlib import Path

import pytest

from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import ConfigResource, NewPartitions, NewTopic, RecordsToDelete
from streamz_core.client.compatible_client import AIOKafkaClient
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.batch_builder import BatchBuilder
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.transaction_answers import AbortTransactionSpec
from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.protocol.batch_encoder import raw_records
from streamz_core.protocol.messages.metadata import MetadataRequest
from tests.contract.client.other_loop import raised_elsewhere

MANIFEST = json.loads((Path(__file__).parents[2] / "data" / "aiokafka_0_14_api.json").read_text())
T = TopicPartition("t", 0)
TIMEOUT_MS = 200


def batch():
    builder = BatchBuilder(1_000, None)
    builder.append(timestamp=None, key=None, value=b"v")
    return builder


PRODUCER = {
    "abort_transaction": lambda p: p.abort_transaction(),
    "begin_transaction": lambda p: p.begin_transaction(),
    "commit_transaction": lambda p: p.commit_transaction(),
    "flush": lambda p: p.flush(),
    "partitions_for": lambda p: p.partitions_for("t"),
    "send": lambda p: p.send("t", b"v"),
    "send_and_wait": lambda p: p.send_and_wait("t", b"v"),
    "send_batch": lambda p: p.send_batch(batch(), "t", partition=0),
    "send_columns": lambda p: p.send_columns("t", 0, None, [b"v"], [0]),
    "send_encoded": lambda p: p.send_encoded("t", 0, [raw_records([None], [b"v"], [0])]),
    "send_offsets_to_transaction": lambda p: p.send_offsets_to_transaction({T: 1}, "g"),
    "transaction": lambda p: p.transaction(),
}
CONSUMER = {
    "beginning_offsets": lambda c: c.beginning_offsets([T]),
    "commit": lambda c: c.commit({T: 0}),
    "committed": lambda c: c.committed(T),
    "end_offsets": lambda c: c.end_offsets([T]),
    "getcolumns": lambda c: c.getcolumns(timeout_ms=50),
    "getmany": lambda c: c.getmany(timeout_ms=50),
    "getone": lambda c: c.getone(),
    "group_metadata": lambda c: c.group_metadata(),
    "offsets_for_times": lambda c: c.offsets_for_times({T: 0}),
    "partitions_for_topic": lambda c: c.partitions_for_topic("t"),
    "pause": lambda c: c.pause(T),
    "position": lambda c: c.position(T),
    "resume": lambda c: c.resume(T),
    "seek": lambda c: c.seek(T, 0),
    "seek_to_beginning": lambda c: c.seek_to_beginning(T),
    "seek_to_committed": lambda c: c.seek_to_committed(T),
    "seek_to_end": lambda c: c.seek_to_end(T),
    "topics": lambda c: c.topics(),
}
ADMIN = {
    "abort_transaction": lambda a: a.abort_transaction(AbortTransactionSpec(T, 1, 0)),
    "describe_producers": lambda a: a.describe_producers([T]),
    "describe_transactions": lambda a: a.describe_transactions(["x"]),
    "fence_producers": lambda a: a.fence_producers(["x"]),
    "find_hanging_transactions": lambda a: a.find_hanging_transactions(),
    "list_transactions": lambda a: a.list_transactions(),
    "create_acls": lambda a: a.create_acls([]),
    "delete_acls": lambda a: a.delete_acls([]),
    "delete_user_scram_credential": lambda a: a.delete_user_scram_credential("ann"),
    "describe_acls": lambda a: a.describe_acls(),
    "describe_user_scram_credentials": lambda a: a.describe_user_scram_credentials(),
    "upsert_user_scram_credential": lambda a: a.upsert_user_scram_credential("ann", "x", iterations=4_096),
    "alter_configs": lambda a: a.alter_configs([ConfigResource("topic", "t", {})]),
    "alter_consumer_group_offsets": lambda a: a.alter_consumer_group_offsets("g", {T: 0}),
    "create_partitions": lambda a: a.create_partitions({"t": NewPartitions(2)}),
    "create_topics": lambda a: a.create_topics([NewTopic("new", 1, 1)]),
    "delete_consumer_group_offsets": lambda a: a.delete_consumer_group_offsets("g", [T]),
    "delete_consumer_groups": lambda a: a.delete_consumer_groups(["g"]),
    "delete_records": lambda a: a.delete_records({T: RecordsToDelete(0)}),
    "delete_topics": lambda a: a.delete_topics(["t"]),
    "describe_cluster": lambda a: a.describe_cluster(),
    "describe_configs": lambda a: a.describe_configs([ConfigResource("topic", "t")]),
    "describe_consumer_groups": lambda a: a.describe_consumer_groups(["g"]),
    "describe_topics": lambda a: a.describe_topics(),
    "find_coordinator": lambda a: a.find_coordinator("g"),
    "incremental_alter_configs": lambda a: a.incremental_alter_configs([ConfigResource("topic", "t", {})]),
    "list_consumer_group_offsets": lambda a: a.list_consumer_group_offsets("g"),
    "list_consumer_groups": lambda a: a.list_consumer_groups(),
    "list_offsets": lambda a: a.list_offsets({T: -1}),
    "list_topics": lambda a: a.list_topics(),
    "remove_members": lambda a: a.remove_members("g"),
}
CLIENT = {
    "add_topic": lambda c: c.add_topic("t"),
    "coordinator_lookup": lambda c: c.coordinator_lookup(0, "g"),
    "fetch_all_metadata": lambda c: c.fetch_all_metadata(),
    "force_metadata_update": lambda c: c.force_metadata_update(),
    "get_random_node": lambda c: c.get_random_node(),
    "send": lambda c: c.send(0, MetadataRequest(topics=None)),
    "set_topics": lambda c: c.set_topics(["t"]),
}
CALLS = {
    AIOKafkaProducer: PRODUCER,
    AIOKafkaConsumer: CONSUMER,
    AIOKafkaAdminClient: ADMIN,
    AIOKafkaClient: CLIENT,
}
# What may be called at any time.
ALWAYS = {
    AIOKafkaProducer: {"create_batch", "start", "stop"},
    AIOKafkaConsumer: {"assign", "assignment", "subscribe", "subscription", "unsubscribe", "paused"}
    # These say that the partition is not assigned.
    | {"highwater", "last_poll_timestamp", "last_stable_offset", "start", "stop"},
    AIOKafkaAdminClient: {"start", "close"},
    AIOKafkaClient: {"bootstrap", "close", "ready", "over"},
}
BY_NAME = [(client_type, name) for client_type, calls in CALLS.items() for name in calls]
WAITS_FOR_RECORDS = {"getone"}


async def called(call, client):
    answer = call(client)
    return await answer if inspect.isawaitable(answer) else answer


def settings(client_type):
    if client_type is AIOKafkaProducer:
        return {"transactional_id": "x", "request_timeout_ms": TIMEOUT_MS}
    if client_type is AIOKafkaConsumer:
        return {"group_id": "g", "request_timeout_ms": TIMEOUT_MS, "heartbeat_interval_ms": 9_000}
    return {"request_timeout_ms": TIMEOUT_MS}


def start(client):
    return client.bootstrap() if isinstance(client, AIOKafkaClient) else client.start()


def stop(client):
    return client.stop() if hasattr(client, "stop") else client.close()


class StuckLink:
    """A link that answers until it is stuck."""

    def __init__(self, link):
        self._link = link
        self.clock = link.clock
        self.is_stuck = False

    async def send(self, request):
        if self.is_stuck:
            await asyncio.get_running_loop().create_future()
        return await self._link.send(request)

    async def close(self):
        pass


@pytest.fixture
async def stuck(address):
    link = await open_link(address)
    yield StuckLink(link)
    await link.close()


@pytest.mark.parametrize("client_type", CALLS)
def test_every_method_is_in_the_walk(client_type):
    public = {
        name
        for name, member in inspect.getmembers(client_type)
        if not name.startswith("_") and callable(member)
    }
    (entry,) = [found for path, found in MANIFEST.items() if path.endswith(f".{client_type.__name__}")]

    assert CALLS[client_type].keys() | ALWAYS[client_type] == public
    assert {
        name
        for name, member in entry["members"].items()
        if not name.startswith("__") and member["kind"] != "property"
    } <= public


@pytest.mark.parametrize(("client_type", "name"), BY_NAME)
async def test_before_start_a_call_says_what_is_missing(client_type, name):
    client = client_type(bootstrap_servers="memory://x", **settings(client_type))

    with pytest.raises(errors.IllegalStateError, match=r"await \w+\.(start|bootstrap)\(\)"):
        await called(CALLS[client_type][name], client)


@pytest.mark.parametrize(("client_type", "name"), BY_NAME)
async def test_after_stop_a_call_says_so(client_type, name, address, clock):
    client = client_type(bootstrap_servers=address, **settings(client_type))
    await clock.drive(start(client))
    await clock.drive(stop(client))
    await clock.drive(stop(client))  # again does nothing

    with pytest.raises(Misuse, match=r"stopped|closed|not connected"):
        await called(CALLS[client_type][name], client)


@pytest.mark.parametrize(("client_type", "name"), BY_NAME)
async def test_a_call_from_another_event_loop_is_refused(client_type, name, address, clock):
    topics = ["t"] if client_type is AIOKafkaConsumer else []
    client = client_type(*topics, bootstrap_servers=address, **settings(client_type))
    await clock.drive(start(client))
    if client_type is AIOKafkaProducer and name != "begin_transaction":
        await client.begin_transaction()

    for call in (CALLS[client_type][name], stop):
        error = await raised_elsewhere(lambda call=call: called(call, client))
        assert isinstance(error, errors.IllegalStateError)
        assert f"{client_type.__name__} was started on another event loop" in str(error)

    await clock.drive(stop(client))


@pytest.mark.parametrize("client_type", [AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient])
async def test_a_stopped_client_does_not_start_again(client_type, address, clock):
    client = client_type(bootstrap_servers=address)
    async with client as entered:
        assert entered is client

    with pytest.raises(Misuse, match="make a new one"):
        await client.start()


@pytest.mark.parametrize("client_type", CALLS)
async def test_a_start_that_gets_no_answer_ends_and_can_be_tried_again_by_another(client_type, stuck, clock):
    stuck.is_stuck = True
    client = client_type(bootstrap_servers=stuck, **settings(client_type))

    with pytest.raises(errors.KafkaTimeoutError, match=f"{TIMEOUT_MS} ms"):
        await clock.drive(start(client))

    assert clock.monotonic_ms() <= 2 * TIMEOUT_MS
    await clock.drive(stop(client))
    stuck.is_stuck = False
    another = client_type(bootstrap_servers=stuck, **settings(client_type))
    await clock.drive(start(another))
    await clock.drive(stop(another))


@pytest.mark.parametrize(("client_type", "name"), BY_NAME)
async def test_no_call_waits_for_ever_for_a_stuck_broker(client_type, name, stuck, clock):
    topics = ["t"] if client_type is AIOKafkaConsumer else []
    client = client_type(*topics, bootstrap_servers=stuck, **settings(client_type))
    await clock.drive(start(client))
    if client_type is AIOKafkaProducer and name != "begin_transaction":
        await client.begin_transaction()
        await client.send("t", b"v")
    stuck.is_stuck = True
    begun_ms = clock.monotonic_ms()

    call = asyncio.ensure_future(called(CALLS[client_type][name], client))
    outcome = asyncio.gather(call, return_exceptions=True)
    if name in WAITS_FOR_RECORDS:
        await clock.advance(100 * TIMEOUT_MS)
        assert not call.done()
        call.cancel()
    (result,) = await clock.drive(outcome)

    assert clock.monotonic_ms() - begun_ms <= 2 * TIMEOUT_MS or name in WAITS_FOR_RECORDS
    if isinstance(result, Exception):
        assert isinstance(result, errors.KafkaTimeoutError)
        assert f"{TIMEOUT_MS} ms" in str(result)
    begun_ms = clock.monotonic_ms()
    await clock.drive(asyncio.gather(stop(client), return_exceptions=True))
    assert clock.monotonic_ms() - begun_ms <= 4 * TIMEOUT_MS
