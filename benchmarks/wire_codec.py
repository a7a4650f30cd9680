"""The wire codec: what a server spends on a fetch beyond reading the log, without any socket.

A Fetch request of version 12 for 50 partitions is decoded, its response with 1 KiB each is built of messages and
encoded. Reference: the same by kafka-python's protocol classes, in turns; the bytes of both are compared before
anything is timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter, process_time

from kafka.protocol.consumer import FetchRequest as TheirRequest
from kafka.protocol.consumer import FetchResponse as TheirResponse

from benchmarks.figures import Figure
from benchmarks.setting import Setting
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    FetchTopicResponse,
)
from streamz_core.protocol.wire import codec

FETCH, VERSION = 1, 12
TOPICS, PARTITIONS = 5, 10
CALLS, ROUNDS = 200, 9
AT_LEAST = 3.0
RECORDS = os.urandom(1024)


def request() -> bytes:
    topics = [
        FetchTopic(
            topic=f"topic-{topic}",
            partitions=[FetchPartition(partition=index, fetch_offset=index) for index in range(PARTITIONS)],
        )
        for topic in range(TOPICS)
    ]
    return b"".join(codec.encode_request(FetchRequest(topics=topics), VERSION))


def ours(body: memoryview) -> bytes:
    asked = codec.decode_request(FETCH, VERSION, body)
    response = FetchResponse(
        responses=[
            FetchTopicResponse(
                topic=topic.topic,
                partitions=[
                    FetchPartitionResponse(
                        partition_index=one.partition,
                        high_watermark=5_000,
                        last_stable_offset=5_000,
                        log_start_offset=0,
                        records=RECORDS,
                    )
                    for one in topic.partitions
                ],
            )
            for topic in asked.topics
        ]
    )
    return b"".join(codec.encode_response(FETCH, VERSION, response))


def theirs(body: memoryview) -> bytes:
    asked = TheirRequest.decode(body, version=VERSION)
    topic_type = TheirResponse.FetchableTopicResponse
    response = TheirResponse(
        version=VERSION,
        throttle_time_ms=0,
        error_code=0,
        session_id=0,
        responses=[
            topic_type(
                version=VERSION,
                topic=topic.topic,
                partitions=[
                    topic_type.PartitionData(
                        version=VERSION,
                        partition_index=one.partition,
                        error_code=0,
                        high_watermark=5_000,
                        last_stable_offset=5_000,
                        log_start_offset=0,
                        aborted_transactions=None,
                        preferred_read_replica=-1,
                        records=RECORDS,
                    )
                    for one in topic.partitions
                ],
            )
            for topic in asked.topics
        ],
    )
    return bytes(response.encode(version=VERSION))


def timed(answer: Callable[[memoryview], bytes], body: memoryview) -> tuple[float, float]:
    """Wall-clock and CPU seconds of some calls."""
    wall, cpu = perf_counter(), process_time()
    for _ in range(CALLS):
        answer(body)
    return perf_counter() - wall, process_time() - cpu


async def wire_codec(setting: Setting) -> list[Figure]:
    """Fetches answered a second; the best round of each side counts."""
    body = memoryview(request())
    assert ours(body) == theirs(body)
    best = {ours: [float("inf"), float("inf")], theirs: [float("inf"), float("inf")]}
    for _ in range(ROUNDS):
        for answer, least in best.items():
            least[:] = map(min, least, timed(answer, body))
    (our_wall, our_cpu), (their_wall, their_cpu) = best[ours], best[theirs]
    return [
        Figure(
            "a Fetch v12 of 50 partitions decoded and answered",
            CALLS / our_wall,
            CALLS / their_wall,
            "/s",
            at_least=AT_LEAST,
            cpu_ratio=their_cpu / our_cpu,
        )
    ]


ROWS = {"wire_codec": wire_codec}
