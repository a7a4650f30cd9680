"""Owns: what Java's consumer of the consumer protocol and Kafka Streams do with our wire port."""

from collections import Counter, defaultdict

import pytest

from streamz_core.broker.config import BrokerConfig
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from tests.clients.served import Served

CRASHED = 9
"""What WordCount ends with when it dies."""


@pytest.fixture
def served(tmp_path):
    # Members hear of a change with their next heartbeat: here ten times a second.
    with Served(str(tmp_path / "data"), BrokerConfig(group_consumer_heartbeat_interval_ms=100)) as served:
        yield served


def create(served, name, partitions):
    topic = CreatableTopic(name=name, num_partitions=partitions)
    served.run(served.broker.handle(CreateTopicsRequest(topics=[topic])))


def test_members_of_the_consumer_protocol_come_read_commit_go_and_come_back(java, served):
    create(served, "t", 4)
    batch = record_batch.encode([None], [b"x"], [served.broker.clock.now_ms()])
    for index in range(4):
        data = PartitionProduceData(index=index, records=batch)
        topic = TopicProduceData(name="t", partition_data=[data])
        served.run(served.broker.handle(ProduceRequest(topic_data=[topic])))

    program = java.start("Consumers", served.address)
    said = []
    for line in program.stdout:
        said.append(line.strip())
        if said[-1] == "create late-1":
            create(served, "late-1", 1)
    program.stdin.close()
    program.stdout.close()

    assert program.wait(60) == 0, said
    assert [line for line in said if not line.startswith("[")] == [
        "one has all",
        "three share",
        "committed",
        "one has all again",
        "each record was read once",
        "two share",
        "the other keeps what it has",
        "it has its partitions again",
        "the pattern's topics",
        "create late-1",
        "a topic that came later",
        "refused",
        "the client's own pattern",
        *(
            f"{kind}: {step}"
            for kind in ("eager", "cooperative")
            for step in (
                "two classic members",
                "one of each",
                "two and one",
                "restarted",
                "one of each again",
                "and back",
            )
        ),
    ]


def test_kafka_streams_counts_words_exactly_once_also_when_it_crashes(java, java_tools, served, tmp_path):
    create(served, "lines", 2)
    create(served, "counts", 2)
    lines = [f"w{n % 7} w{n % 5} w{n % 3}" for n in range(300)]
    words = Counter(word for line in lines for word in line.split())
    at = ("--bootstrap-server", served.address)
    assert (
        java_tools.run("kafka-console-producer", *at, "--topic", "lines", stdin="\n".join(lines) + "\n").exit
        == 0
    )

    crashing = java.start("WordCount", served.address, str(tmp_path / "state"), "400")
    said = crashing.stdout.read()  # until it dies: to end its input would let it end in order
    assert crashing.wait(60) == CRASHED, said
    crashing.communicate()
    counting = java.start("WordCount", served.address, str(tmp_path / "state"), "0")
    read = java_tools.run(
        "kafka-console-consumer",
        *(*at, "--topic", "counts", "--from-beginning", "--max-messages", str(words.total())),
        *("--timeout-ms", "60000", "--isolation-level", "read_committed", "--property", "print.key=true"),
        *("--property", "value.deserializer=org.apache.kafka.common.serialization.LongDeserializer"),
    )
    said, _ = counting.communicate("", timeout=120)

    assert counting.returncode == 0, said
    counted = defaultdict(list)
    for line in read.out.splitlines():
        word, count = line.split()
        counted[word].append(int(count))
    assert counted == {word: list(range(1, times + 1)) for word, times in words.items()}
    transactions = java_tools.run("kafka-transactions", *at, "list").out.splitlines()[1:]
    assert {line.split()[-1] for line in transactions} == {"CompleteCommit"}
