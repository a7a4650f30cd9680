"""What a request makes and removes of partitions, and what of that may be done now.

Owns: the requests that are counted, the partitions in each part of them, and who is told to come again.
Must not know: how much may be done (``throttle``).

Source: KIP-599
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest
from streamz_core.protocol.messages.create_topics import CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.server.security.api_table import API_TABLE
from streamz_core.server.security.steps import Each, Split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.protocol.messages.request import Request
    from streamz_core.server.quotas.throttle import Throttle
    from streamz_core.server.security.authorizer import Served
    from streamz_core.server.session import Session


class _Counted(NamedTuple):
    partitions: Callable[[Served, Any], int]
    """In one part of the request."""
    strict_from: int
    """The first version whose clients understand to be told to come again; others are muted instead."""


def _created(served: Served, part: Any) -> int:
    if part.name in served.directory.topics:
        return 0
    if part.assignments:
        return len(part.assignments)
    return max(served.config.default_partitions if part.num_partitions == -1 else part.num_partitions, 0)


def _deleted(served: Served, part: Any) -> int:
    name = part.name if part.topic_id is None else served.directory.name_of(part.topic_id)
    topic = served.directory.topics.get(name or "")
    return 0 if topic is None else int(topic.partitions)


def _added(served: Served, part: Any) -> int:
    topic = served.directory.topics.get(part.name)
    return 0 if topic is None else max(part.count - topic.partitions, 0)


_COUNTED: Final[Mapping[type[Request[Any]], _Counted]] = {
    CreateTopicsRequest: _Counted(_created, 6),
    DeleteTopicsRequest: _Counted(_deleted, 5),
    CreatePartitionsRequest: _Counted(_added, 3),
}


def split(
    throttle: Throttle, served: Served, session: Session, api_version: int, request: Request[Any]
) -> Split:
    """What of ``request`` may be done now, and what makes the whole answer of that one's answer."""
    if isinstance(request, MetadataRequest):
        throttle.mutated(session, _created_by_asking(served, request), has_to_wait=True)
        return Split(request, lambda answer: answer)
    counted = _COUNTED.get(type(request))
    if counted is None:
        return Split(request, lambda answer: answer)
    step = next(one for one in API_TABLE[type(request)].steps if isinstance(one, Each))
    kept, refused = [], []
    for part in getattr(request, step.asked):
        partitions = counted.partitions(served, part)
        is_strict = api_version >= counted.strict_from
        if partitions and is_strict and not throttle.is_mutation_allowed(session):
            refused.append(step.refused(part, ErrorCode.THROTTLING_QUOTA_EXCEEDED))
            continue
        throttle.mutated(session, partitions, has_to_wait=not is_strict)
        kept.append(part)

    def joined(answer: Any) -> Any:
        answered = [*getattr(answer, step.answered), *refused]
        return msgspec.structs.replace(answer, **{step.answered: answered})

    return (
        Split(msgspec.structs.replace(request, **{step.asked: kept}), joined)
        if refused
        else Split(request, lambda answer: answer)
    )


def _created_by_asking(served: Served, request: MetadataRequest) -> int:
    if not request.allow_auto_topic_creation or not served.config.auto_create_topics:
        return 0
    names = {part.name for part in request.topics or () if part.topic_id is None and part.name}
    return len(names - served.directory.topics.keys()) * served.config.default_partitions
