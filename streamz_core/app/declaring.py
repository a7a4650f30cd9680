"""Making sure that an app's topics exist.

Owns: creating what is missing, and the partition counts of what is there.
Must not know: agents, tables; which broker answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import deadline, sleep
from streamz_core.app.errors import ImproperlyConfigured, NotReady, PartitionsMismatch
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)

if TYPE_CHECKING:
    from streamz_core.app.settings import Settings
    from streamz_core.app.topic_options import TopicOptions
    from streamz_core.client.link import Link

KNOWN_WITHIN_MS: Final = 30_000
POLL_MS: Final = 50
_FINE: Final = (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)


async def declare(link: Link, wanted: Mapping[str, TopicOptions], settings: Settings) -> dict[str, int]:
    """Create the topics that are missing; the partition count of each, by name."""
    counts = await partition_counts(link, list(wanted))
    missing = [name for name in wanted if name not in counts]
    if missing:
        if not settings.topic_allow_declare:
            raise ImproperlyConfigured(
                f"topic {missing[0]!r} does not exist, and setting 'topic_allow_declare' forbids creating "
                f"it: `streamz topics --create --topic {missing[0]}`"
            )
        await _create(link, {name: wanted[name] for name in missing}, settings)
        counts = await _all_counts(link, list(wanted))
    for name, options in wanted.items():
        if options.partitions is not None and counts[name] != options.partitions:
            raise PartitionsMismatch(
                f"topic {name!r} has {counts[name]} partitions, the app declares {options.partitions}; "
                f"change the declaration, or add partitions with `streamz topics --alter --topic {name}`"
            )
    return counts


async def partition_counts(link: Link, topics: list[str]) -> dict[str, int]:
    """The partition counts of those topics that exist."""
    if not topics:
        return {}
    answer = await link.send(MetadataRequest(topics=named(topics), allow_auto_topic_creation=False))
    return {
        topic.name: len(topic.partitions) for topic in answer.topics if topic.error_code is ErrorCode.NONE
    }


async def all_partition_counts(link: Link) -> dict[str, int]:
    """The partition counts of all topics but the broker's own."""
    answer = await link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
    return {
        topic.name: len(topic.partitions)
        for topic in answer.topics
        if topic.error_code is ErrorCode.NONE and not topic.is_internal
    }


async def _all_counts(link: Link, topics: list[str]) -> dict[str, int]:
    """The partition counts of topics that exist: the brokers of a cluster hear of a new one some time later."""
    missing = "the topics that were created"
    try:
        async with deadline(link.clock, KNOWN_WITHIN_MS, what=missing):
            while True:
                counts = await partition_counts(link, topics)
                missing = ", ".join(name for name in topics if name not in counts)
                if not missing:
                    return counts
                await sleep(link.clock, POLL_MS)
    except TimeoutError:
        raise NotReady(
            f"created, and not known to the cluster within {KNOWN_WITHIN_MS} ms: {missing}"
        ) from None


async def _create(link: Link, wanted: Mapping[str, TopicOptions], settings: Settings) -> None:
    topics = [
        CreatableTopic(
            name=name,
            num_partitions=options.partitions or settings.topic_partitions,
            replication_factor=options.replicas or settings.topic_replication_factor,
            configs=dict(options.config),
        )
        for name, options in wanted.items()
    ]
    answer = await link.send(CreateTopicsRequest(topics=topics))
    for result in answer.topics:
        if result.error_code not in _FINE:
            raise ImproperlyConfigured(
                f"topic {result.name!r} could not be created: "
                f"{result.error_message or result.error_code.name.lower()}"
            )
