"""``streamz topics``: kafka-topics' flags and output.

Owns: the verb's options and what it does and prints.
Must not know: how topics are stored; which of them an option means (``topic_choice``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from streamz_core.cli.actions import actions
from streamz_core.cli.connection import CommandError, admin_options, connected, refuse, refuse_all, run
from streamz_core.cli.foreign_options import of_no_effect
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options, pairs
from streamz_core.cli.topic_choice import TopicChoice, id_text
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsResource,
    ConfigOperation,
    ConfigResourceType,
    ConfigSource,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from streamz_core.protocol.messages.metadata import MetadataRequest

if TYPE_CHECKING:
    from streamz_core.client.link import Link
    from streamz_core.protocol.messages.metadata import MetadataPartition, MetadataTopic

_NONE = "none"
_actions = actions(
    list="List the topics.",
    create="Create a topic.",
    describe="Describe topics.",
    alter="Add partitions, or change configs.",
    delete="Delete topics and all their records.",
)
_which = options(
    click.option(
        "--topic",
        shell_complete=topic_names,
        metavar="NAME",
        help="The topic; names with commas or a regular expression, except with --create.",
    ),
    click.option("--topic-id", metavar="ID", help="With --describe: the topic with this id."),
    click.option("--if-exists", is_flag=True, help="Do nothing where the topic does not exist."),
    click.option("--if-not-exists", is_flag=True, help="With --create: do nothing where it exists."),
    click.option("--exclude-internal", is_flag=True, help="Leave internal topics out."),
)
_values = options(
    click.option("--partitions", type=int, default=-1, help="Number of partitions.  [default: 1]"),
    click.option(
        "--replication-factor", type=int, default=-1, help="1, or -1 for the default: there is one broker."
    ),
    click.option(
        "--replica-assignment",
        metavar="B,B",
        help="In place of both: the broker of each partition, with --alter all of them; 0 each, the only one.",
    ),
    click.option(
        "--config", "configs", multiple=True, metavar="KEY=VALUE", help="A topic config; may be repeated."
    ),
    click.option(
        "--delete-config", "deleted", multiple=True, metavar="KEY", help="With --alter: back to the default."
    ),
)
_filters = options(
    click.option(
        "--unavailable-partitions", "only", flag_value="failed", help="Describe partitions that failed only."
    ),
    click.option("--under-replicated-partitions", "only", flag_value="failed", help="The same."),
    click.option("--under-min-isr-partitions", "only", flag_value="failed", help="The same."),
    click.option(
        "--at-min-isr-partitions", "only", flag_value="healthy", help="Describe partitions that serve only."
    ),
    click.option(
        "--topics-with-overrides", "only", flag_value="overrides", help="Describe topics with configs only."
    ),
    of_no_effect("--partition-size-limit-per-response"),
)


@click.command("topics")
@admin_options
@_actions
@_which
@_values
@_filters
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(action: str, address: str, **given: Any) -> None:
    """List, create, describe, alter and delete topics."""
    _check(action, given)
    run(_run(action, address, given))


def _check(action: str, given: dict[str, Any]) -> None:
    if action in {"create", "alter", "delete"} and not given["topic"]:
        raise click.UsageError(f"--{action} needs --topic")
    belongs = {
        "configs": ("--config", {"create", "alter"}),
        "deleted": ("--delete-config", {"alter"}),
        "if_exists": ("--if-exists", {"describe", "alter", "delete"}),
        "if_not_exists": ("--if-not-exists", {"create"}),
        "topic_id": ("--topic-id", {"describe"}),
        "replica_assignment": ("--replica-assignment", {"create", "alter"}),
        "only": ("a filter of partitions", {"describe"}),
    }
    for name, (option, where) in belongs.items():
        if given[name] and action not in where:
            raise click.UsageError(f"{option} goes with --{' and --'.join(sorted(where))}")
    if given["partitions"] != -1 and action not in {"create", "alter"}:
        raise click.UsageError("--partitions goes with --alter and --create")
    if given["replica_assignment"] and action == "create" and given["partitions"] != -1:
        raise click.UsageError("--partitions and --replica-assignment exclude each other with --create")
    if given["topic_id"] and given["topic"]:
        raise click.UsageError("--topic and --topic-id exclude each other")
    if action == "alter" and given["partitions"] == -1 and not given["configs"] and not given["deleted"]:
        raise click.UsageError("--alter needs --partitions, --config or --delete-config")
    pairs(given["configs"], "--config")


async def _run(action: str, address: str, given: dict[str, Any]) -> None:
    verbs = {"list": _list, "create": _create, "describe": _describe, "alter": _alter, "delete": _delete}
    async with connected(address, create=action == "create") as link:
        await verbs[action](link, given)


async def _chosen(link: Link, given: dict[str, Any]) -> list[MetadataTopic]:
    """The topics the options mean; an error if they name one that is not there."""
    response = await link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
    choice = TopicChoice.of(given["topic"], given["topic_id"], exclude_internal=given["exclude_internal"])
    topics = choice.among(response.topics)
    if not topics and choice.names_something and not given["if_exists"]:
        name = given["topic"] or given["topic_id"]
        raise CommandError(f"topic {name!r} does not exist (see: streamz topics --list)")
    return topics


async def _list(link: Link, given: dict[str, Any]) -> None:
    names = [topic.name for topic in await _chosen(link, {**given, "if_exists": True})]
    if given["as_json"]:
        click.echo(json.dumps(names))
        return
    for name in names:
        click.echo(name)


async def _create(link: Link, given: dict[str, Any]) -> None:
    topic = CreatableTopic(
        name=given["topic"],
        num_partitions=given["partitions"],
        replication_factor=given["replication_factor"],
        assignments=dict(enumerate(_assigned(given))),
        configs=pairs(given["configs"], "--config"),
    )
    (result,) = (await link.send(CreateTopicsRequest(topics=[topic]))).topics
    if result.error_code is ErrorCode.TOPIC_ALREADY_EXISTS and given["if_not_exists"]:
        return
    refuse(result.error_code, result.error_message, f"topic {result.name!r} was not created")
    if given["as_json"]:
        made = {
            "topic": result.name,
            "topic_id": id_text(result.topic_id),
            "partitions": result.num_partitions,
        }
        click.echo(json.dumps(made))
        return
    click.echo(f"Created topic {result.name}.")


async def _configs(link: Link, name: str) -> dict[str, str]:
    """What was set on the topic itself."""
    resource = DescribeConfigsResource(resource_type=ConfigResourceType.TOPIC, resource_name=name)
    (result,) = (await link.send(DescribeConfigsRequest(resources=[resource]))).results
    refuse(result.error_code, result.error_message, f"topic {name!r}")
    return {
        entry.name: entry.value or ""
        for entry in result.configs
        if entry.config_source is ConfigSource.DYNAMIC_TOPIC_CONFIG
    }


async def _describe(link: Link, given: dict[str, Any]) -> None:
    described = [(topic, await _configs(link, topic.name)) for topic in await _chosen(link, given)]
    only = given["only"]
    if only == "overrides":
        described = [(topic, configs) for topic, configs in described if configs]
    if given["as_json"]:
        said = [_as_json(topic, configs, _partitions(topic, only)) for topic, configs in described]
        click.echo(json.dumps(said, indent=2))
        return
    for topic, configs in described:
        if only in (None, "overrides"):
            click.echo(_headline(topic, configs))
        if only != "overrides":
            for part in _partitions(topic, only):
                click.echo(_line(topic, part))


def _partitions(topic: MetadataTopic, only: str | None) -> list[MetadataPartition]:
    wanted = {"failed": True, "healthy": False}.get(only or "")
    return [part for part in topic.partitions if wanted is None or _has_failed(part) is wanted]


def _has_failed(part: MetadataPartition) -> bool:
    return part.error_code is not ErrorCode.NONE


def _headline(topic: MetadataTopic, configs: dict[str, str]) -> str:
    said = ",".join(f"{key}={value}" for key, value in sorted(configs.items()))
    return (
        f"Topic: {topic.name}\tTopicId: {id_text(topic.topic_id)}\tPartitionCount: {len(topic.partitions)}\t"
        f"ReplicationFactor: 1\tConfigs: {said}"
    )


def _line(topic: MetadataTopic, part: MetadataPartition) -> str:
    failed = _has_failed(part)
    replicas = ",".join(map(str, part.replica_nodes))
    return (
        f"\tTopic: {topic.name}\tPartition: {part.partition_index}\t"
        f"Leader: {_NONE if failed else part.leader_id}\tReplicas: {replicas}\t"
        f"Isr: {'' if failed else ','.join(map(str, part.isr_nodes))}\tElr: \tLastKnownElr: "
    )


def _as_json(topic: MetadataTopic, configs: dict[str, str], parts: list[MetadataPartition]) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "topic_id": id_text(topic.topic_id),
        "is_internal": topic.is_internal,
        "partitions": [
            {
                "partition": part.partition_index,
                "error": None if part.error_code is ErrorCode.NONE else part.error_code.name,
            }
            for part in parts
        ],
        "configs": configs,
    }


async def _alter(link: Link, given: dict[str, Any]) -> None:
    for topic in await _chosen(link, given):
        if given["configs"] or given["deleted"]:
            resource = AlterConfigsResource(
                resource_type=ConfigResourceType.TOPIC, resource_name=topic.name, configs=_changes(given)
            )
            (altered,) = (await link.send(IncrementalAlterConfigsRequest(resources=[resource]))).responses
            refuse(altered.error_code, altered.error_message, f"topic {topic.name!r}")
        if given["partitions"] != -1:
            new = _assigned(given)[len(topic.partitions) :] or None
            wanted = CreatePartitionsTopic(name=topic.name, count=given["partitions"], assignments=new)
            (result,) = (await link.send(CreatePartitionsRequest(topics=[wanted]))).results
            refuse(result.error_code, result.error_message, f"topic {topic.name!r}")
        _say("Altered", topic.name, as_json=given["as_json"])


def _assigned(given: dict[str, Any]) -> list[list[int]]:
    """The brokers of each partition, as ``0:1,1:0`` names them."""
    if not given["replica_assignment"]:
        return []
    try:
        return [[int(broker) for broker in one.split(":")] for one in given["replica_assignment"].split(",")]
    except ValueError:
        raise OptionError(
            f"--replica-assignment takes the broker of each partition, as 0,0,0, got {given['replica_assignment']!r}"
        ) from None


def _say(done: str, name: str, *, as_json: bool) -> None:
    """One line about each topic."""
    click.echo(json.dumps({"topic": name, "done": done.lower()}) if as_json else f"{done} topic {name}.")


def _changes(given: dict[str, Any]) -> list[AlterableConfig]:
    return [
        AlterableConfig(name=key, value=value) for key, value in pairs(given["configs"], "--config").items()
    ] + [
        AlterableConfig(name=key, value=None, config_operation=ConfigOperation.DELETE)
        for key in given["deleted"]
    ]


async def _delete(link: Link, given: dict[str, Any]) -> None:
    names = [topic.name for topic in await _chosen(link, given)]
    failures = []
    request = DeleteTopicsRequest(topics=[DeleteTopicState(name=name) for name in names])
    for result in (await link.send(request)).responses:
        if result.error_code is ErrorCode.NONE:
            _say("Deleted", result.name or "", as_json=given["as_json"])
        else:
            why = result.error_message or result.error_code.name
            failures.append(f"topic {result.name!r} was not deleted: {why}")
    refuse_all(failures)
