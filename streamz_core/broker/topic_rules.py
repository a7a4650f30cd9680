"""Which topics may be named, created and written by whom.

Owns: the rules for topic names and partition counts, and that nobody but the broker changes its own
topics.
Must not know: requests, the log, what is in a topic.

Every rule is a plain function that answers why not, or None: handlers turn that into codes.
Source of the rules on names: https://kafka.apache.org/documentation/#topicconfigs and KIP-190
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.broker.internal_topics import INTERNAL_TOPICS
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.model import TopicPartition

NAME_LENGTH_MAX: Final = 249
_LEGAL: Final = re.compile(r"[A-Za-z0-9._-]+\Z")


class Refusal(NamedTuple):
    """Why something is not done: the code for programs, the message for people."""

    code: ErrorCode
    message: str


def is_internal(name: str) -> bool:
    """Whether the topic belongs to the broker."""
    return name in INTERNAL_TOPICS


def refuse_name(name: str) -> Refusal | None:
    """Why ``name`` cannot be a topic's name."""
    why = None
    if not name:
        why = "it is empty"
    elif name in {".", ".."}:
        why = "'.' and '..' mean directories"
    elif len(name) > NAME_LENGTH_MAX:
        why = f"it has {len(name)} characters, at most {NAME_LENGTH_MAX} are allowed"
    elif not _LEGAL.match(name):
        why = "only ASCII letters, digits, '.', '_' and '-' are allowed"
    if why is None:
        return None
    shown = name if len(name) <= NAME_LENGTH_MAX else name[:NAME_LENGTH_MAX] + "…"
    return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, f"topic name {shown!r} is not allowed: {why}")


def refuse_new(name: str, existing: Iterable[str]) -> Refusal | None:
    """Why a user may not create a topic called ``name`` beside the ``existing`` ones."""
    refusal = refuse_name(name) or refuse_change(name)
    if refusal is not None:
        return refusal
    collides = name.replace(".", "_")
    for other in existing:
        if other == name:
            return Refusal(ErrorCode.TOPIC_ALREADY_EXISTS, f"topic {name!r} exists already")
        if other.replace(".", "_") == collides:
            message = f"topic name {name!r} differs from topic {other!r} only by '.' and '_': choose another"
            return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
    return None


def refuse_change(name: str) -> Refusal | None:
    """Why a user may not write to, alter or delete the topic."""
    if name in INTERNAL_TOPICS:
        message = f"topic {name!r} is kept by the broker itself: it can be read, not changed"
        return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
    return None


def refuse_partitions(name: str, count: int, maximum: int) -> Refusal | None:
    """Why the topic cannot have ``count`` partitions."""
    if 1 <= count <= maximum:
        return None
    message = f"topic {name!r} with {count} partitions: 1 to {maximum} are allowed"
    return Refusal(ErrorCode.INVALID_PARTITIONS, message)


def unknown_topic(name: str) -> Refusal:
    """The topic is not there."""
    return Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {name!r}")


def unknown_partition(partition: TopicPartition) -> Refusal:
    """The topic, or this partition of it, is not there."""
    message = f"there is no partition {partition.partition} of topic {partition.topic!r}"
    return Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)
