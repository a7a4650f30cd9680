"""``python -m benchmarks.mock_broker TOPIC PARTITIONS``: librdkafka's own mock broker, until standard input ends.

It is the one inside confluent-kafka's library, called as librdkafka's ``rdkafka_mock.h`` declares it: kept in
memory, in C, no more than 5 MB a partition. Prints the address.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import confluent_kafka

PRODUCER = 0


def library() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka brings along."""
    package = Path(confluent_kafka.__file__).parent
    (path,) = package.with_name("confluent_kafka.libs").glob("librdkafka-*")
    loaded = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return loaded


def main() -> None:
    topic, partitions = sys.argv[1].encode(), int(sys.argv[2])
    kafka = library()
    error = ctypes.create_string_buffer(512)
    client = kafka.rd_kafka_new(PRODUCER, ctypes.c_void_p(kafka.rd_kafka_conf_new()), error, len(error))
    cluster = ctypes.c_void_p(kafka.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), 1))
    kafka.rd_kafka_mock_topic_create(cluster, topic, partitions, 1)
    print(kafka.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
