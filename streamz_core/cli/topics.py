"""``streamz topics``: kafka-topics' flags and output.

Owns: the verb's options and what it prints.
Must not know: how topics are stored.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from streamz_core.cli.connection import CommandError, address_option, connected, pairs, refuse, run
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
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest

if TYPE_CHECKING:
    from streamz_core.client.link import Link
    from streamz_core.protocol.messages.metadata import MetadataTopic


@click.command("topics")
@address_option
@click.option("--list", "action", flag_value="list", help="List the topics.")
@click.option("--create", "action", flag_value="create", help="Create a topic.")
@click.option("--describe", "action", flag_value="describe", help="Describe topics.")
@click.option("--alter", "action", flag_value="alter", help="Add partitions, or change configs.")
@click.option("--delete", "action", flag_value="delete", help="Delete topics and all their records.")
@click.option("--topic", metavar="NAME", help="The topic; a regular expression except with --create.")
@click.option("--partitions", type=int, default=-1, help="Number of partitions.")
@click.option("--replication-factor", type=int, default=-1, help="1 on one machine.")
@click.option(
    "--config", "configs", multiple=True, metavar="KEY=VALUE", help="A topic config; may be repeated."
)
@click.option(
    "--delete-config", "deleted", multiple=True, metavar="KEY", help="With --alter: back to the default."
)
@click.option("--if-exists", is_flag=True, help="Do nothing where the topic does not exist.")
@click.option("--if-not-exists", is_flag=True, help="Do nothing where the topic exists.")
@click.option("--exclude-internal", is_flag=True, help="Leave internal topics out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(action: str | None, address: str, **options: Any) -> None:
    """List, create, describe, alter and delete topics."""
    if action is None:
        raise click.UsageError("give one of --list, --create, --describe, --alter, --delete")
    if action in {"create", "alter", "delete"} and not options["topic"]:
        raise click.UsageError(f"--{action} needs --topic")
    run(_run(action, address, options))


async def _run(action: str, address: str, options: dict[str, Any]) -> None:
    verbs = {"list": _list, "create": _create, "describe": _describe, "alter": _alter, "delete": _delete}
    async with connected(address, create=action == "create") as link:
        await verbs[action](link, options)


async def _matching(link: Link, options: dict[str, Any]) -> list[MetadataTopic]:
    """The topics that --topic (a regular expression) and --exclude-internal leave."""
    response = await link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
    try:
        pattern = re.compile(options["topic"]) if options["topic"] else None
    except re.error as error:
        raise CommandError(f"--topic {options['topic']!r} is no regular expression: {error}") from error
    return [
        topic
        for topic in sorted(response.topics, key=lambda topic: topic.name)
        if (pattern is None or pattern.fullmatch(topic.name))
        and not (options["exclude_internal"] and topic.is_internal)
    ]


async def _existing(link: Link, options: dict[str, Any]) -> list[MetadataTopic]:
    topics = await _matching(link, options)
    if not topics and options["topic"] and not options["if_exists"]:
        raise CommandError(f"topic {options['topic']!r} does not exist (see: streamz topics --list)")
    return topics


async def _list(link: Link, options: dict[str, Any]) -> None:
    names = [topic.name for topic in await _matching(link, options)]
    if options["as_json"]:
        click.echo(json.dumps(names))
        return
    for name in names:
        click.echo(name)


async def _create(link: Link, options: dict[str, Any]) -> None:
    topic = CreatableTopic(
        name=options["topic"],
        num_partitions=options["partitions"],
        replication_factor=options["replication_factor"],
        configs=pairs(options["configs"], "--config"),
    )
    (result,) = (await link.send(CreateTopicsRequest(topics=[topic]))).topics
    if result.error_code is ErrorCode.TOPIC_ALREADY_EXISTS and options["if_not_exists"]:
        return
    refuse(result.error_code, result.error_message, f"topic {result.name!r} was not created")
    click.echo(f"Created topic {result.name}.")


async def _configs(link: Link, name: str) -> dict[str, str]:
    """What was set on the topic itself."""
    resource = DescribeConfigsResource(resource_type=ConfigResourceType.TOPIC, resource_name=name)
    (result,) = (await link.send(DescribeConfigsRequest(resources=[resource]))).results
    refuse(result.error_code, result.error_message, f"topic {name!r}")
    return {
        entry.name: entry.value or ""
        for entry in result.configs
        if entry.config_source is ConfigSource.TOPIC_CONFIG
    }


async def _describe(link: Link, options: dict[str, Any]) -> None:
    described = [(topic, await _configs(link, topic.name)) for topic in await _existing(link, options)]
    if options["as_json"]:
        click.echo(json.dumps([_as_json(topic, configs) for topic, configs in described], indent=2))
        return
    for topic, configs in described:
        settings = ",".join(f"{key}={value}" for key, value in sorted(configs.items()))
        click.echo(
            f"Topic: {topic.name}\tTopicId: {topic.topic_id}\tPartitionCount: {len(topic.partitions)}\t"
            f"ReplicationFactor: 1\tConfigs: {settings}"
        )
        for part in topic.partitions:
            replicas = ",".join(map(str, part.replica_nodes))
            click.echo(
                f"\tTopic: {topic.name}\tPartition: {part.partition_index}\tLeader: {part.leader_id}\t"
                f"Replicas: {replicas}\tIsr: {','.join(map(str, part.isr_nodes))}"
            )


def _as_json(topic: MetadataTopic, configs: dict[str, str]) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "topic_id": str(topic.topic_id),
        "is_internal": topic.is_internal,
        "partitions": [part.partition_index for part in topic.partitions],
        "configs": configs,
    }


async def _alter(link: Link, options: dict[str, Any]) -> None:
    changes = [
        AlterableConfig(name=key, value=value) for key, value in pairs(options["configs"], "--config").items()
    ] + [
        AlterableConfig(name=key, value=None, config_operation=ConfigOperation.DELETE)
        for key in options["deleted"]
    ]
    if options["partitions"] < 0 and not changes:
        raise click.UsageError("--alter needs --partitions, --config or --delete-config")
    for topic in await _existing(link, options):
        if options["partitions"] >= 0:
            wanted = CreatePartitionsTopic(name=topic.name, count=options["partitions"])
            (result,) = (await link.send(CreatePartitionsRequest(topics=[wanted]))).results
            refuse(result.error_code, result.error_message, f"topic {topic.name!r}")
        if changes:
            resource = AlterConfigsResource(
                resource_type=ConfigResourceType.TOPIC, resource_name=topic.name, configs=changes
            )
            (altered,) = (await link.send(IncrementalAlterConfigsRequest(resources=[resource]))).responses
            refuse(altered.error_code, altered.error_message, f"topic {topic.name!r}")
        click.echo(f"Altered topic {topic.name}.")


async def _delete(link: Link, options: dict[str, Any]) -> None:
    names = [topic.name for topic in await _existing(link, options)]
    for result in (await link.send(DeleteTopicsRequest(topic_names=names))).responses:
        refuse(result.error_code, result.error_message, f"topic {result.name!r} was not deleted")
        click.echo(f"Deleted topic {result.name}.")
