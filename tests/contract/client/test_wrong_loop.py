"""Clients that are called from an event loop they were not started on.

Owns: that such a call is refused and leaves the client as it was; ``test_lifecycle`` walks the methods.
Must not know: what the methods do.
"""

from __future__ import annotations

import asyncio
import gc

import pytest

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import IllegalStateError
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.compiled import is_compiled
from tests.contract.client.other_loop import elsewhere, raised_elsewhere

T = TopicPartition("t", 0)


async def test_a_producer_sends_on_after_refused_calls(address, clock):
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await clock.drive(producer.send_and_wait("t", b"before", partition=0))
        for call in (
            lambda: producer.send("t", b"refused", partition=0),
            lambda: producer.send("t", b"refused", key=b"k"),
            lambda: producer.send_and_wait("t", b"refused"),
            lambda: producer.send("not-known", b"refused"),
            producer.flush,
            producer.stop,
        ):
            assert isinstance(await raised_elsewhere(call), IllegalStateError)

        found = await clock.drive(producer.send_and_wait("t", b"after", partition=0))

    assert found.offset == 1, "nothing that was refused was written"


async def test_a_producer_with_serializers_is_no_other(address, clock):
    async with AIOKafkaProducer(bootstrap_servers=address, value_serializer=str.encode) as producer:
        await clock.drive(producer.send_and_wait("t", "before", partition=0))

        assert isinstance(
            await raised_elsewhere(lambda: producer.send("t", "refused", partition=0)), IllegalStateError
        )

        found = await clock.drive(producer.send_and_wait("t", "after", partition=0))
    assert found.offset == 1


async def test_a_record_that_finds_an_open_batch_is_refused_or_written(address, clock):
    """Compiled, asking for the loop would be a tenth of a send(): it is refused where that costs nothing."""
    async with AIOKafkaProducer(bootstrap_servers=address, linger_ms=1_000) as producer:
        sent = [await clock.drive(producer.send("t", b"own", partition=0))]
        try:
            sent.append(await elsewhere(lambda: producer.send("t", b"elsewhere", partition=0)))
        except IllegalStateError:
            assert not is_compiled()
        else:
            assert is_compiled()
            assert isinstance(await raised_elsewhere(lambda: awaited(sent[1])), RuntimeError)

        await clock.drive(producer.flush())

        assert [(await future).offset for future in sent] == list(range(len(sent)))


async def awaited(future):
    return await future


async def test_a_full_batch_is_not_sealed_from_elsewhere(address, clock):
    async with AIOKafkaProducer(bootstrap_servers=address, linger_ms=1_000, max_batch_size=1_000) as producer:
        first = await clock.drive(producer.send("t", bytes(700), partition=0))

        error = await raised_elsewhere(lambda: producer.send("t", bytes(700), partition=0))

        assert isinstance(error, IllegalStateError)
        await clock.drive(producer.flush())
        assert (await first).offset == 0


async def test_a_consumer_reads_on_after_refused_calls(address, clock, producer):
    await clock.drive(producer.send_and_wait("t", b"one", partition=0))
    consumer = AIOKafkaConsumer(
        "t",
        bootstrap_servers=address,
        group_id="g",
        auto_offset_reset="earliest",
        heartbeat_interval_ms=9_000,
    )
    await clock.drive(consumer.start())
    assert (await clock.drive(consumer.getone())).value == b"one"

    for call in (consumer.getone, consumer.getmany, consumer.commit, consumer.stop, consumer.__anext__):
        assert isinstance(await raised_elsewhere(call), IllegalStateError)

    await clock.drive(producer.send_and_wait("t", b"two", partition=0))
    assert (await clock.drive(consumer.getone())).value == b"two"
    await clock.drive(consumer.stop())


async def test_a_subscription_is_not_changed_from_elsewhere(address, clock):
    consumer = AIOKafkaConsumer("t", bootstrap_servers=address)
    await clock.drive(consumer.start())

    for change in (
        lambda: consumer.subscribe(["four"]),
        lambda: consumer.assign([T]),
        consumer.unsubscribe,
    ):

        async def changed(change=change):
            change()

        assert isinstance(await raised_elsewhere(changed), IllegalStateError)

    assert (consumer.subscription(), consumer.assignment()) == ({"t"}, {T})
    await clock.drive(consumer.stop())


async def test_starting_again_elsewhere_is_refused(address, clock):
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await clock.drive(admin.start())

    assert isinstance(await raised_elsewhere(admin.start), IllegalStateError)

    await clock.drive(admin.start())  # where it was started, again does nothing
    await clock.drive(admin.close())
    assert await raised_elsewhere(admin.close) is None, "what is closed is closed from everywhere"


@pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning")  # nothing can stop such a client any more
@pytest.mark.parametrize("kind", [AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient])
def test_one_client_in_several_runs_is_told_of_the_closed_loop(kind, tmp_path):
    address = f"file://{tmp_path}/data"
    client = kind(bootstrap_servers=address)
    asyncio.run(client.start())
    calls = {
        AIOKafkaProducer: ["flush", "begin_transaction", "stop"],
        AIOKafkaConsumer: ["getone", "topics", "stop"],
        AIOKafkaAdminClient: ["list_topics", "start", "close"],
    }

    for name in calls[kind]:
        with pytest.raises(
            IllegalStateError, match=rf"{kind.__name__} was started on .* closed.*asyncio\.run"
        ):
            asyncio.run(getattr(client, name)())

    async def afresh():
        async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
            (await admin.create_topics([NewTopic("t", 1, 1)])).raise_for_errors()
            return await admin.list_topics()

    assert asyncio.run(afresh()) == ["t"]
    del client
    gc.collect()  # here, where its warning is expected


def test_between_two_runs_of_its_loop_a_plain_call_is_taken(tmp_path):
    with asyncio.Runner() as runner:
        consumer = AIOKafkaConsumer(bootstrap_servers=f"file://{tmp_path}/data")
        consumer.assign([T])
        runner.run(consumer.start())
        consumer.seek(T, 0)
        consumer.pause(T)

        assert consumer.paused() == {T}
        runner.run(consumer.stop())
