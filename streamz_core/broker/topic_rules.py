"""Which topics may be named, created and written by whom.

Owns: the log's rules for topics as answers instead of exceptions, and the rule that nobody but the
broker changes its own topics.
Must not know: requests, what is in a topic.

Every rule is a plain function that answers why not, or None: handlers turn that into codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamz_core.broker.internal_topics import INTERNAL_TOPICS
from streamz_core.errors import ErrorCode
from streamz_core.log.directory import PARTITIONS_MAX
from streamz_core.log.errors import InvalidTopic, TopicExists
from streamz_core.log.topic_names import check_topic_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamz_core.model import TopicPartition


class Refusal(NamedTuple):
    """Why something is not done: the code for programs, the message for people."""

    code: ErrorCode
    message: str


def is_internal(name: str) -> bool:
    """Whether the topic belongs to the broker."""
    return name in INTERNAL_TOPICS


def refuse_name(name: str, existing: Collection[str] = ()) -> Refusal | None:
    """Why ``name`` cannot be a topic's name, or not that of a new one beside the ``existing``."""
    try:
        check_topic_name(name, existing)
    except (InvalidTopic, TopicExists) as wrong:
        return Refusal(wrong.code, str(wrong))
    return None


def refuse_new(name: str, existing: Collection[str]) -> Refusal | None:
    """Why a user may not create a topic called ``name`` beside the ``existing`` ones."""
    return refuse_change(name) or refuse_name(name, existing)


def refuse_change(name: str) -> Refusal | None:
    """Why a user may not write to, alter or delete the topic."""
    if name in INTERNAL_TOPICS:
        message = f"topic {name!r} is kept by the broker itself: it can be read, not changed"
        return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
    return None


def refuse_partitions(name: str, count: int) -> Refusal | None:
    """Why the topic cannot have ``count`` partitions."""
    if 1 <= count <= PARTITIONS_MAX:
        return None
    message = f"topic {name!r} with {count} partitions: 1 to {PARTITIONS_MAX} are allowed"
    return Refusal(ErrorCode.INVALID_PARTITIONS, message)


def unknown_topic(name: str) -> Refusal:
    """The topic is not there."""
    return Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {name!r}")


def unknown_partition(partition: TopicPartition) -> Refusal:
    """The topic, or this partition of it, is not there."""
    message = f"there is no partition {partition.partition} of topic {partition.topic!r}"
    return Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)
