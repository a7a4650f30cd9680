"""``streamz delete-records``: kafka-delete-records' flag and output.

Owns: the verb's options, Kafka's file of offsets, and what is printed.
Must not know: how records are deleted.
"""

from __future__ import annotations

import json
from typing import Any, Final

import click

from streamz_core.cli.connection import CommandError, admin_options, connected, run
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, read_lines
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)

_SHAPE: Final = '{"partitions": [{"topic": "t", "partition": 0, "offset": 3}], "version": 1}'
_TO_THE_END: Final = -1

Offsets = dict[TopicPartition, int]


@click.command("delete-records")
@admin_options
@click.option("--offset-json-file", "file", metavar="FILE", help=f"The offsets, as {_SHAPE}; -1 is the end.")
@click.option("--topic", shell_complete=topic_names, metavar="NAME", help="In place of a file: the topic,")
@click.option("--partition", type=click.IntRange(0), help="its partition,")
@click.option("--before-offset", type=click.IntRange(_TO_THE_END), help="and the first offset to be kept.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    address: str,
    file: str | None,
    topic: str | None,
    partition: int | None,
    before_offset: int | None,
    as_json: bool,
) -> None:
    """Delete the records of partitions that are before an offset."""
    one = (topic, partition, before_offset)
    if (file is None) == (None in one) or (file is not None and one != (None, None, None)):
        raise click.UsageError("give --offset-json-file, or --topic with --partition and --before-offset")
    if file is not None:
        offsets = offsets_of("\n".join(read_lines(file, "--offset-json-file")), file)
    else:
        assert topic is not None
        assert partition is not None
        assert before_offset is not None
        offsets = {TopicPartition(topic, partition): before_offset}
    if not as_json:
        click.echo("Executing records delete operation")
    run(_delete(address, offsets, as_json=as_json))


def offsets_of(text: str, file: str) -> Offsets:
    """Read Kafka's file of offsets.

    >>> offsets_of('{"partitions": [{"topic": "t", "partition": 0, "offset": 3}]}', "offsets.json")
    {TopicPartition(topic='t', partition=0): 3}
    """
    try:
        said = json.loads(text)
        listed = [_entry(one) for one in said["partitions"]]
        if said.get("version", 1) != 1:
            raise ValueError("version is not 1")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OptionError(f"--offset-json-file {file}: expected {_SHAPE}: {error!r}") from error
    offsets: Offsets = {}
    for partition, offset in listed:
        if partition in offsets:
            raise OptionError(f"--offset-json-file {file}: {partition.topic}-{partition.partition} twice")
        offsets[partition] = offset
    return offsets


def _entry(one: dict[str, Any]) -> tuple[TopicPartition, int]:
    topic, partition, offset = one["topic"], one["partition"], one["offset"]
    numbers = type(partition) is int and type(offset) is int
    if not isinstance(topic, str) or not numbers or partition < 0 or offset < _TO_THE_END:
        raise ValueError(f"{one}: topic is a name, partition and offset are numbers")
    return TopicPartition(topic, partition), offset


async def _delete(address: str, offsets: Offsets, *, as_json: bool) -> None:
    request = DeleteRecordsRequest(
        topics=[
            DeleteRecordsTopic(
                name=topic, partitions=[DeleteRecordsPartition(partition_index=partition, offset=offset)]
            )
            for (topic, partition), offset in offsets.items()
        ]
    )
    async with connected(address) as link:
        answer = await link.send(request)
    results = [(topic.name, part) for topic in answer.topics for part in topic.partitions]
    failed = [
        f"{name}-{part.partition_index} before offset {offsets[TopicPartition(name, part.partition_index)]}: "
        f"{part.error_code.name}"
        for name, part in results
        if part.error_code is not ErrorCode.NONE
    ]
    done = [
        {"topic": name, "partition": part.partition_index, "low_watermark": part.low_watermark}
        for name, part in results
        if part.error_code is ErrorCode.NONE
    ]
    _print(done, as_json=as_json)
    if failed:
        raise CommandError(f"records were not deleted: {'; '.join(failed)}")


def _print(done: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(done))
        return
    click.echo("Records delete operation completed:")
    for one in done:
        click.echo(f"partition: {one['topic']}-{one['partition']}\tlow_watermark: {one['low_watermark']}")
