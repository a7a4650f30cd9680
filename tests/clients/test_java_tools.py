"""Owns: what Apache Kafka's own command line tools do with our wire port, and with our files."""

import json
import re

import pytest

from streamz_core.broker.config import BrokerConfig
from streamz_core.protocol import scram
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.server_config import ServerConfig
from tests.clients.served import Served

DATA = "data"
PASSWORD = "canary-pa55"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    config = BrokerConfig(group_consumer_heartbeat_interval_ms=100)
    with Served(str(tmp_path_factory.mktemp("tools") / DATA), config) as served:
        yield served


@pytest.fixture
def run(java_tools, served):
    """Run a tool at the server; what it prints. It is to succeed, or where ``fails`` to say why not."""

    def run(tool, *arguments, stdin="", fails=False):
        ran = java_tools.run(tool, "--bootstrap-server", served.address, *arguments, stdin=stdin)
        assert (ran.exit != 0) is fails, ran
        return ran.out + ran.err if fails else ran.out

    return run


@pytest.fixture
def topic(run, request):
    """A topic of two partitions, with the keys and values of ``lines`` in it."""
    name = request.node.name.partition("[")[0]
    run("kafka-topics", "--create", "--topic", name, "--partitions", "2")
    properties = ("--property", "parse.key=true", "--property", "key.separator=:")
    run("kafka-console-producer", "--topic", name, *properties, stdin="".join(lines()))
    return name


def lines(count=100):
    return [f"key{n}:value{n}\n" for n in range(count)]


def rows(printed, first):
    """The rows of a printed table, below the line that begins with ``first``."""
    lines_ = [line.split() for line in printed.splitlines() if line.strip()]
    head = next(index for index, line in enumerate(lines_) if line[0] == first)
    return [dict(zip(lines_[head], line, strict=False)) for line in lines_[head + 1 :]]


def test_topics_are_created_described_altered_and_deleted(run):
    settings = ("--config", "retention.ms=60000", "--config", "cleanup.policy=compact,delete")
    assert "Created topic views." in run(
        "kafka-topics", "--create", "--topic", "views", "--partitions", "3", *settings
    )
    assert "exists already" in run("kafka-topics", "--create", "--topic", "views", fails=True)
    wide = run("kafka-topics", "--create", "--topic", "wide", "--replication-factor", "3", fails=True)
    assert "replication factor 3" in wide
    run("kafka-topics", "--alter", "--topic", "views", "--partitions", "4")

    described = run("kafka-topics", "--describe", "--topic", "views")

    assert "PartitionCount: 4" in described
    assert "retention.ms=60000" in described
    assert re.findall(r"Partition: (\d)\tLeader: 0\tReplicas: 0\tIsr: 0", described) == ["0", "1", "2", "3"]
    assert "views" in run("kafka-topics", "--list").split()
    run("kafka-topics", "--delete", "--topic", "views")
    assert "does not exist" in run("kafka-topics", "--describe", "--topic", "views", fails=True)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_records_go_in_and_out_by_the_console_and_groups_are_shown(run, topic, protocol):
    group = f"console-{protocol}"
    printed = run(
        "kafka-console-consumer",
        *("--topic", topic, "--from-beginning", "--max-messages", "100", "--timeout-ms", "60000"),
        *("--group", group, "--consumer-property", f"group.protocol={protocol}"),
        *("--property", "print.key=true", "--property", "key.separator=:"),
    )
    offsets = rows(run("kafka-consumer-groups", "--describe", "--group", group), "GROUP")
    kinds = {row["GROUP"]: row["TYPE"] for row in rows(run("kafka-groups", "--list"), "GROUP")}

    assert sorted(printed.splitlines(keepends=True)) == sorted(lines())
    assert {row["PARTITION"] for row in offsets} == {"0", "1"}
    assert sum(int(row["CURRENT-OFFSET"]) for row in offsets) == 100
    assert {row["LAG"] for row in offsets} == {"0"}
    assert kinds[group] == protocol.capitalize()
    states = rows(run("kafka-consumer-groups", "--describe", "--group", group, "--state"), "GROUP")
    assert f"{group} 127.0.0.1" in " ".join(states[0].values())
    assert group in run("kafka-consumer-groups", "--list", "--state", "empty")
    run("kafka-consumer-groups", "--delete", "--group", group)
    assert group not in run("kafka-consumer-groups", "--list").split()
    run("kafka-topics", "--delete", "--topic", topic)


def test_offsets_of_groups_are_reset_and_deleted(run, topic):
    reset = ("kafka-consumer-groups", "--reset-offsets", "--group", "reset", "--topic")
    run(*reset, topic, "--to-latest", "--execute")
    moved = rows(run(*reset, f"{topic}:0", "--shift-by", "-2", "--execute"), "GROUP")

    (before,) = [
        row
        for row in rows(run("kafka-consumer-groups", "--describe", "--group", "reset"), "GROUP")
        if row["PARTITION"] == "0"
    ]
    deleted = run("kafka-consumer-groups", "--delete-offsets", "--group", "reset", "--topic", topic)

    assert (moved[0]["NEW-OFFSET"], before["LAG"]) == (before["CURRENT-OFFSET"], "2")
    assert deleted.count("Successful") == 2


def test_offsets_are_told_and_records_deleted(run, topic, tmp_path):
    ends = dict(line.rsplit(":", 1) for line in run("kafka-get-offsets", "--topic", topic).split())
    wanted = {"partitions": [{"topic": topic, "partition": 0, "offset": 3}], "version": 1}
    (tmp_path / "wanted.json").write_text(json.dumps(wanted))

    deleted = run("kafka-delete-records", "--offset-json-file", str(tmp_path / "wanted.json"))
    starts = run("kafka-get-offsets", "--topic", topic, "--time", "earliest").split()
    at_a_time = run("kafka-get-offsets", "--topic", topic, "--time", "0").split()

    assert sum(int(end) for end in ends.values()) == 100
    assert f"{topic}-0\tlow_watermark: 3" in deleted
    assert sorted(starts) == sorted(at_a_time) == [f"{topic}:0:3", f"{topic}:1:0"]


def test_settings_are_described_and_altered(run, topic):
    of_topic = ("--entity-type", "topics", "--entity-name", topic)
    run("kafka-configs", "--alter", *of_topic, "--add-config", "retention.ms=5000,max.message.bytes=2000")
    run("kafka-configs", "--alter", *of_topic, "--delete-config", "max.message.bytes")
    described = run("kafka-configs", "--describe", *of_topic)
    everything = run("kafka-configs", "--describe", "--all", *of_topic)
    wrong = run("kafka-configs", "--alter", *of_topic, "--add-config", "retention.ms=soon", fails=True)
    of_all = ("--entity-type", "brokers", "--entity-default")
    run("kafka-configs", "--alter", *of_all, "--add-config", "log.retention.ms=1000000")

    assert "retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000" in described
    assert "max.message.bytes" not in described
    assert "cleanup.policy=delete" in everything
    assert "soon" in wrong
    assert "log.retention.ms=1000000" in run("kafka-configs", "--describe", *of_all)
    run("kafka-configs", "--alter", *of_all, "--delete-config", "log.retention.ms")
    assert run("kafka-configs", "--describe", "--entity-type", "groups", "--entity-name", "g").count("=") == 0


def test_quotas(run):
    ann, app = (
        ("--entity-type", "users", "--entity-name", "ann"),
        ("--entity-type", "clients", "--entity-name", "app"),
    )
    of_all = ("--entity-type", "clients", "--entity-default")
    address = ("--entity-type", "ips", "--entity-name", "10.0.0.1")

    run(
        "kafka-configs",
        "--alter",
        *ann,
        *app,
        "--add-config",
        "producer_byte_rate=1000,request_percentage=12.5",
    )
    run("kafka-configs", "--alter", *of_all, "--add-config", "consumer_byte_rate=2000")
    run("kafka-configs", "--alter", *address, "--add-config", "connection_creation_rate=5")
    run("kafka-configs", "--alter", *ann, *app, "--delete-config", "request_percentage")

    who = "user-principal 'ann', client-id 'app'"
    assert f"Quota configs for {who} are producer_byte_rate=1000.0" in run(
        "kafka-configs", "--describe", *ann, *app
    )
    assert "the default client-id are consumer_byte_rate=2000.0" in run(
        "kafka-configs", "--describe", "--entity-type", "clients"
    )
    assert "ip '10.0.0.1' are connection_creation_rate=5.0" in run("kafka-configs", "--describe", *address)
    run("kafka-configs", "--alter", *of_all, "--delete-config", "consumer_byte_rate")
    assert "producer_byte_rate" in run(
        "kafka-configs", "--alter", *address, "--add-config", "producer_byte_rate=1", fails=True
    )


def login(path, user):
    """A file with what a Java client needs to log in."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    path.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n"
        f'sasl.jaas.config={module} required username="{user}" password="{PASSWORD}";\n'
    )
    return str(path)


@pytest.fixture
def secured(tmp_path):
    """A port at which users log in; ``admin`` may do everything."""
    security = SecurityConfig(sasl_mechanisms=("SCRAM-SHA-256",), super_users=frozenset({"User:admin"}))
    config = BrokerConfig(group_consumer_heartbeat_interval_ms=100)
    with Served(str(tmp_path / DATA), config, ServerConfig(port=0, security=security)) as served:
        mechanism, salt = ScramMechanism.SCRAM_SHA_256, b"salt-of-admin"
        admin = ScramCredentialUpsertion(
            name="admin",
            mechanism=mechanism,
            iterations=4_096,
            salt=salt,
            salted_password=scram.salted_password(mechanism, Secret.of(PASSWORD), salt, 4_096),
        )
        served.run(served.broker.handle(AlterUserScramCredentialsRequest(upsertions=[admin])))
        yield served


def test_users_and_what_they_may_do_are_kept_and_hold(java_tools, secured, tmp_path):
    at = ("--bootstrap-server", secured.address)
    as_admin = (*at, "--command-config", login(tmp_path / "admin", "admin"))
    as_ann = login(tmp_path / "ann", "ann")
    ann = ("--allow-principal", "User:ann", "--topic", "views")
    java_tools.run("kafka-topics", *as_admin, "--create", "--topic", "views")
    user = ("--entity-type", "users", "--entity-name", "ann")
    password = f"SCRAM-SHA-256=[iterations=4096,password={PASSWORD}]"
    java_tools.run("kafka-configs", *as_admin, "--alter", *user, "--add-config", password)
    described = java_tools.run("kafka-configs", *as_admin, "--describe", *user)
    assert "SCRAM-SHA-256=iterations=4096" in described.out, described
    java_tools.run("kafka-acls", *as_admin, "--add", *ann, "--producer")

    def produce():
        return java_tools.run(
            "kafka-console-producer", *at, "--topic", "views", "--producer.config", as_ann, stdin="hello\n"
        )

    def consume(protocol):
        return java_tools.run(
            "kafka-console-consumer",
            *(*at, "--topic", "views", "--from-beginning", "--max-messages", "1", "--timeout-ms", "60000"),
            *("--group", "readers", "--consumer.config", as_ann),
            *("--consumer-property", f"group.protocol={protocol}"),
        )

    assert produce().exit == 0
    for protocol in ("classic", "consumer"):
        assert "GroupAuthorizationException" in consume(protocol).err
    java_tools.run("kafka-acls", *as_admin, "--add", *ann, "--consumer", "--group", "readers")
    assert consume("consumer").out == "hello\n"
    listed = java_tools.run("kafka-acls", *as_admin, "--list", "--topic", "views").out
    assert "principal=User:ann, host=*, operation=READ, permissionType=ALLOW" in listed
    java_tools.run("kafka-acls", *as_admin, "--remove", "--force", "--topic", "views")
    refused = java_tools.run(
        "kafka-topics", *at, "--command-config", as_ann, "--describe", "--topic", "views"
    )
    assert "User:ann" not in java_tools.run("kafka-acls", *as_admin, "--list", "--topic", "views").out
    assert refused.exit == 1, refused


def test_who_logs_in_nowhere_says_nothing_about_rights(run):
    rights = ("--allow-principal", "User:ann", "--operation", "Read", "--topic", "views")

    assert "authenticates nobody" in run("kafka-acls", "--add", *rights, fails=True)


def test_transactions_are_listed_described_and_looked_for(run, topic, served, java_tools):
    sent = java_tools.run(
        "kafka-producer-perf-test",
        *("--topic", topic, "--num-records", "20", "--record-size", "10", "--throughput", "-1"),
        *("--transactional-id", "tx-perf", "--transaction-duration-ms", "5"),
        *("--producer-props", f"bootstrap.servers={served.address}"),
    )
    assert (sent.exit, "20 records sent" in sent.out) == (0, True), sent

    listed = rows(run("kafka-transactions", "list", "--transactional-id-pattern", "tx-.*"), "TransactionalId")
    described = run("kafka-transactions", "describe", "--transactional-id", "tx-perf")
    producers = run("kafka-transactions", "describe-producers", "--topic", topic, "--partition", "0")

    assert [(row["TransactionalId"], row["TransactionState"]) for row in listed] == [
        ("tx-perf", "CompleteCommit")
    ]
    assert "CompleteCommit" in described
    assert "CurrentTransactionStartOffset" in producers
    assert rows(run("kafka-transactions", "find-hanging", "--broker-id", "0"), "Topic") == []
    assert (
        rows(run("kafka-transactions", "list", "--transactional-id-pattern", "x.*"), "TransactionalId") == []
    )


def test_the_cluster_is_described(run, topic, served, tmp_path):
    versions = run("kafka-broker-api-versions")
    directories = json.loads(run("kafka-log-dirs", "--describe", "--topic-list", topic).splitlines()[-1])
    place = {"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": [0]}]}
    (tmp_path / "place.json").write_text(json.dumps(place))

    assert "Produce(0): 0 to 13 [usable: 13]" in versions
    (directory,) = directories["brokers"][0]["logDirs"]
    assert {one["partition"] for one in directory["partitions"]} == {f"{topic}-0", f"{topic}-1"}
    assert all(one["size"] > 0 for one in directory["partitions"])
    assert "transaction.version\t" in run("kafka-features", "describe")
    assert "No partition reassignments found" in run("kafka-reassign-partitions", "--list")
    assert "Successfully started" in run(
        "kafka-reassign-partitions", "--execute", "--reassignment-json-file", str(tmp_path / "place.json")
    )
    elected = run(
        "kafka-leader-election", "--election-type", "preferred", "--topic", topic, "--partition", "0"
    )
    assert "Valid replica already elected" in elected
    assert run("kafka-client-metrics", "--list").strip() == ""


def test_the_clusters_own_tool(java_tools, served):
    named = java_tools.run("kafka-cluster", "cluster-id", "--bootstrap-server", served.address)
    endpoints = java_tools.run("kafka-cluster", "list-endpoints", "--bootstrap-server", served.address)

    assert served.broker.cluster_id in named.out
    assert rows(endpoints.out, "ID")[0]["PORT"] == served.address.rpartition(":")[2]


def test_speed_is_measured(run, java_tools, served):
    run("kafka-topics", "--create", "--topic", "fast", "--partitions", "1")
    for acks in ("1", "all"):
        sent = java_tools.run(
            "kafka-producer-perf-test",
            *("--topic", "fast", "--num-records", "5000", "--record-size", "100", "--throughput", "-1"),
            *("--producer-props", f"bootstrap.servers={served.address}", f"acks={acks}"),
        )
        assert "5000 records sent" in sent.out, sent

    read = run("kafka-consumer-perf-test", "--topic", "fast", "--messages", "10000", "--timeout", "60000")
    around = java_tools.run("kafka-e2e-latency", served.address, "fast", "20", "all", "100")

    titles, measured = read.splitlines()[:2]
    assert (
        dict(zip(titles.split(", "), measured.split(", "), strict=True))["data.consumed.in.nMsg"] == "10000"
    )
    assert (around.exit, "99.9th" in around.out) == (0, True), around


def test_the_verifiable_clients(run, topic):
    run("kafka-verifiable-producer", "--topic", topic, "--max-messages", "20", "--acks", "-1")

    said = run(
        "kafka-verifiable-consumer",
        *("--topic", topic, "--group-id", "verified", "--max-messages", "120", "--reset-policy", "earliest"),
        *("--group-protocol", "consumer"),
    )

    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    read = sum(event["count"] for event in events if event["name"] == "records_consumed")
    assert read >= 120
    assert events[-1]["name"] == "shutdown_complete"


def test_an_application_is_reset(run, topic):
    said = run(
        "kafka-streams-application-reset", "--application-id", "nobody", "--input-topics", topic, "--dry-run"
    )

    assert f"Topic: {topic} Partition: 0 Offset: 0" in said


def test_our_files_are_read_by_kafkas_dump(java_tools, tmp_path):
    with Served(str(tmp_path / DATA)) as served:
        at = ("--bootstrap-server", served.address)
        settings = ("--partitions", "1", "--config", "index.interval.bytes=0")
        java_tools.run("kafka-topics", *at, "--create", "--topic", "kept", *settings)
        java_tools.run("kafka-console-producer", *at, "--topic", "kept", stdin="".join(lines()))
        java_tools.run(
            "kafka-producer-perf-test",
            *("--topic", "kept", "--num-records", "5", "--record-size", "10", "--throughput", "-1"),
            *("--transactional-id", "tx", "--producer-props", f"bootstrap.servers={served.address}"),
        )
        java_tools.run(
            "kafka-console-consumer",
            *(*at, "--topic", "kept", "--from-beginning", "--max-messages", "105", "--timeout-ms", "60000"),
            *("--group", "g", "--consumer-property", "group.protocol=consumer"),
        )
    kept = tmp_path / DATA / "log" / "kept-0" / "00000000000000000000"

    def dumped(file, *options):
        ran = java_tools.run("kafka-dump-log", "--files", str(file), *options)
        assert (ran.exit, ran.err) == (0, ""), ran
        return ran.out

    batches = dumped(f"{kept}.log", "--deep-iteration", "--print-data-log")
    assert re.findall(r"payload: (key\d+:value\d+)", batches) == [line.strip() for line in lines()]
    assert "endTxnMarker: COMMIT" in batches
    assert "isvalid: false" not in batches
    for index in ("index", "timeindex"):
        assert "passed sanity check" in dumped(f"{kept}.{index}", "--index-sanity-check")
        assert "offset" in dumped(f"{kept}.{index}")
    groups = dumped(
        tmp_path / DATA / "log" / "__consumer_offsets-0" / "00000000000000000000.log", "--offsets-decoder"
    )
    assert 'key: {"type":"3","data":{"groupId":"g"}}' in groups
    assert '"subscribedTopicNames":["kept"]' in groups
    assert '"assignedPartitions":[{"topicId":' in groups
    assert '"group":"g","topic":"kept","partition":0' in groups
    transactions = dumped(
        tmp_path / DATA / "log" / "__transaction_state-0" / "00000000000000000000.log",
        "--transaction-log-decoder",
    )
    assert 'key: {"type":"0","data":{"transactionalId":"tx"}}' in transactions
