"""``python -m benchmarks.round_trip ADDRESS TOPIC RECORDS ACKS``: how long records take from a producer to a consumer.

Both are librdkafka's, by confluent-kafka, with defaults but for ``linger.ms=0`` and ``acks``, each in a process of
its own: the producer sends 1,000 records of 100 bytes a second that carry the time just before they were sent, the
consumer takes the time when it has one in hand. Who falls behind its schedule sends at once and is measured from
then. The first second is left out. Prints the percentiles in milliseconds, as JSON.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from time import perf_counter_ns, sleep
from typing import Any

INTERVAL_NS = 1_000_000
LEFT_OUT = 1_000
SIZE = 100
WAIT_S = 30
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
SENT = struct.Struct("<q")


def send(address: str, topic: str, records: int, acks: str) -> None:
    """One record each millisecond."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": address, "acks": acks, "linger.ms": 0})
    producer.list_topics(topic, WAIT_S)
    padding = b"x" * (SIZE - SENT.size)
    due = perf_counter_ns()
    for _ in range(records):
        due += INTERVAL_NS
        sleep(max(due - perf_counter_ns(), 0) / 1e9)
        producer.produce(topic, SENT.pack(perf_counter_ns()) + padding)
        producer.poll(0)
    assert producer.flush(WAIT_S) == 0


def receive(consumer: Any, records: int) -> list[int]:
    """Nanoseconds on the way, of each that came."""
    took = []
    for _ in range(records):
        message = consumer.poll(WAIT_S)
        took.append(perf_counter_ns() - SENT.unpack_from(message.value())[0])
    return took


def main() -> None:
    from confluent_kafka import Consumer, TopicPartition

    address, topic, records, acks = sys.argv[1:5]
    if sys.argv[5:] == ["send"]:
        return send(address, topic, int(records), acks)
    consumer = Consumer({"bootstrap.servers": address, "group.id": "unused"})
    partitions = consumer.list_topics(topic, WAIT_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    arguments = [sys.executable, "-m", "benchmarks.round_trip", *sys.argv[1:], "send"]
    with subprocess.Popen(arguments):
        took = sorted(receive(consumer, int(records))[LEFT_OUT:])
    consumer.close()
    print(json.dumps({name: took[int(len(took) * share)] / 1e6 for name, share in SHARES.items()}))
    return None


if __name__ == "__main__":
    main()
