"""Owns: what a client hears of a request that is asked again. Must not know: any request's meaning."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client.errors import KafkaStorageError, KafkaTimeoutError
from streamz_core.client.request import Requests
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.metadata import MetadataRequest

REQUEST = MetadataRequest(topics=[])


def failing(answers):
    """A broker that answers ``answers`` times with an error that may pass, then not at all."""

    async def handle(request):
        nonlocal answers
        if answers == 0:
            await asyncio.Event().wait()
        answers -= 1
        return ErrorCode.KAFKA_STORAGE_ERROR

    return handle


@pytest.mark.parametrize("answers", [1, 2, 50])
async def test_when_time_is_up_the_last_answer_is_told_not_the_time(link, clock, answers):
    link.on(MetadataRequest, failing(answers))
    requests = Requests(link, timeout_ms=1_000.0, retry_backoff_ms=99.9)

    with pytest.raises(
        KafkaStorageError, match="offsets of t-0: KAFKA_STORAGE_ERROR: the disk failed or is full"
    ):
        await clock.drive(requests.settled(REQUEST, "offsets of t-0", lambda code: code))


async def test_without_any_answer_it_is_the_time(link, clock):
    link.on(MetadataRequest, failing(0))
    requests = Requests(link, timeout_ms=1_000.0, retry_backoff_ms=100.0)

    with pytest.raises(KafkaTimeoutError, match="offsets of t-0 took longer than 1000 ms"):
        await clock.drive(requests.settled(REQUEST, "offsets of t-0", lambda code: code))
