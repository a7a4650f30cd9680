"""Owns: what is said of clients that are collected while they run. Must not know: what they would have done."""

from __future__ import annotations

import asyncio
import gc
import itertools

import pytest

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse

_names = itertools.count()

kinds = pytest.mark.parametrize(
    ("make", "role"),
    [
        (lambda address: AIOKafkaProducer(bootstrap_servers=address), "producer"),
        (lambda address: AIOKafkaConsumer("t", bootstrap_servers=address), "consumer"),
        (lambda address: AIOKafkaConsumer("t", bootstrap_servers=address, group_id="g"), "consumer"),
    ],
    ids=["producer", "consumer", "member"],
)


def said_of(program):
    """Run ``program`` and collect what it left; what the event loop's exception handler was told."""
    told = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        await program(f"memory://unclosed-{next(_names)}")

    asyncio.run(run())
    gc.collect()
    return told


def forget(clients):
    clients.clear()
    gc.collect()


@kinds
def test_a_client_that_was_never_stopped_is_named(make, role):
    async def forget(address):
        await make(address).start()

    with pytest.warns(ResourceWarning) as warned:
        told = said_of(forget)

    (message,) = [str(one.message) for one in warned if "Unclosed" in str(one.message)]
    (context,) = told
    name = type(context[role]).__name__
    assert context["message"] == f"Unclosed {name}"
    assert message.startswith(f"Unclosed {name} <")


@kinds
async def test_a_forgotten_client_is_named_while_the_program_goes_on(make, role):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    clients = [make(f"memory://unclosed-{next(_names)}")]
    await clients[0].start()

    with pytest.warns(ResourceWarning, match="Unclosed"):
        forget(clients)

    assert [message.removeprefix("Unclosed AIOKafka").lower() for message in told] == [role]


@kinds
def test_nothing_is_said_of_one_that_was_stopped_or_never_ran(make, role, recwarn):
    async def stop(address):
        stopped = make(address)
        await stopped.start()
        await stopped.stop()
        make(address)

    assert said_of(stop) == []
    assert not recwarn.list


@kinds
def test_nothing_is_said_of_one_that_could_not_be_made_or_started(make, role, recwarn):
    async def fail(address):
        with pytest.raises(Misuse, match="request_timeout_ms"):
            type(make(address))(bootstrap_servers=address, request_timeout_ms=-1)
        with pytest.raises(Exception, match="address"):
            await make("nonsense:::").start()

    assert said_of(fail) == []
    assert not recwarn.list


async def test_nothing_is_said_of_one_on_a_link_of_somebody_else_which_goes_on(clock, recwarn):
    link = await open_link(f"memory://unclosed-{next(_names)}", clock=clock)
    await AIOKafkaProducer(bootstrap_servers=link).start()
    gc.collect()
    assert not recwarn.list

    async with AIOKafkaProducer(bootstrap_servers=link) as other:
        assert (await other.send_and_wait("t", b"v")).offset == 0
    await clock.drive(link.close())
