"""A broker with a topic, a transactional producer on it, and restarts."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from tests.unit.broker.transactions.producers import Producer


@pytest.fixture
async def producer(talk: Any) -> Producer:
    producer = Producer(talk)
    assert await producer.init() is ErrorCode.NONE
    return producer


@pytest.fixture
def restarted(open_broker: Any) -> Any:
    """The broker after a crash, or a clean stop; its producers speak to it."""

    async def restart(*producers: Producer, cleanly: bool = False) -> Any:
        broker = producers[0].talk.broker
        await (broker.close() if cleanly else broker.abandon())
        talk = await open_broker()
        for producer in producers:
            producer.talk = talk
        return talk

    return restart
