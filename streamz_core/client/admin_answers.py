"""What an admin client answers.

Owns: the shapes that programs written for aiokafka take apart: an answer has the attributes of aiokafka's
raw response, its rows are tuples in that order, with names; ``to_object`` makes dictionaries of it all.
Must not know: links, requests.

Example: ``for topic, error_code, message in answer.topic_errors: ...``
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from streamz_core.client.errors import error_for
from streamz_core.client.request import explained

OPERATIONS_NOT_ASKED_FOR: Final = -(2**31)


class TopicError(NamedTuple):
    """What became of one topic; code 0 is success."""

    topic: str
    error_code: int
    error_message: str | None


class TopicErrorCode(NamedTuple):
    """What became of one topic, without the message."""

    topic: str
    error_code: int


class AlteredResource(NamedTuple):
    """What became of the changes to one resource."""

    error_code: int
    error_message: str | None
    resource_type: int
    resource_name: str


class ConfigSynonym(NamedTuple):
    """A value that would be in force, or is, from one source."""

    config_name: str
    config_value: str | None
    config_source: int


class ConfigEntry(NamedTuple):
    """One value in force; sources by number: 1 topic, 2 and 4 broker, 5 default."""

    config_names: str
    config_value: str | None
    read_only: bool
    config_source: int
    is_sensitive: bool
    config_synonyms: list[ConfigSynonym]


class DescribedResource(NamedTuple):
    """The values in force of one resource."""

    error_code: int
    error_message: str | None
    resource_type: int
    resource_name: str
    config_entries: list[ConfigEntry]


class GroupMember(NamedTuple):
    """One member, with its subscription and assignment in Kafka's encoding."""

    member_id: str
    client_id: str
    client_host: str
    member_metadata: bytes
    member_assignment: bytes


class GroupDescription(NamedTuple):
    """A group; ``authorized_operations`` is a bit per operation (KIP-430), the lowest number if not asked for."""

    error_code: int
    group: str
    state: str
    protocol_type: str
    protocol: str
    members: list[GroupMember]
    authorized_operations: int = OPERATIONS_NOT_ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the admin client."""

    throttle_time_ms: int = 0

    def to_object(self) -> dict[str, Any]:
        """The answer as dictionaries and lists."""
        return {found.name: _plain(getattr(self, found.name)) for found in fields(self)}


@dataclass(frozen=True, slots=True)
class TopicsAnswer(Answer):
    """What became of each topic.

    As in aiokafka a topic that could not be created does not raise by itself: look, or call
    ``raise_for_errors``.
    """

    topic_errors: list[TopicError] = field(default_factory=list)

    @property
    def topic_error_codes(self) -> list[TopicErrorCode]:
        """Name and error code of each topic."""
        return [TopicErrorCode(topic, code) for topic, code, _ in self.topic_errors]

    def raise_for_errors(self) -> None:
        """Raise the first error there is, such as ``TopicAlreadyExistsError``."""
        for topic, code, message in self.topic_errors:
            if code:
                raise error_for(code, f"topic {topic!r}: {message or explained(code)}")


@dataclass(frozen=True, slots=True)
class DeletedTopicsAnswer(TopicsAnswer):
    """What became of each topic that was to be deleted."""

    def to_object(self) -> dict[str, Any]:
        """With ``topic_error_codes``, as aiokafka has it."""
        return {
            "throttle_time_ms": self.throttle_time_ms,
            "topic_error_codes": _plain(self.topic_error_codes),
        }


@dataclass(frozen=True, slots=True)
class AlterConfigsAnswer(Answer):
    """What became of the changes to each resource; it does not raise by itself."""

    resources: list[AlteredResource] = field(default_factory=list)

    def raise_for_errors(self) -> None:
        """Raise the first error there is, such as ``InvalidConfigurationError``."""
        for code, message, _, name in self.resources:
            if code:
                raise error_for(code, f"configuration of {name!r}: {message or explained(code)}")


@dataclass(frozen=True, slots=True)
class DescribeConfigsAnswer(Answer):
    """The values in force of each resource."""

    resources: list[DescribedResource] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GroupsAnswer(Answer):
    """Groups with their members."""

    groups: list[GroupDescription] = field(default_factory=list)


class RemovedMember(NamedTuple):
    """What became of one member of a group; code 0 is removed."""

    member_id: str
    group_instance_id: str | None
    error_code: int


@dataclass(frozen=True, slots=True)
class RemovedMembersAnswer(Answer):
    """What became of each member; one that could not be removed does not keep the others."""

    group_id: str = ""
    members: list[RemovedMember] = field(default_factory=list)

    def raise_for_errors(self) -> None:
        """Raise the first error there is, such as ``UnknownMemberIdError``."""
        for member_id, instance_id, code in self.members:
            if code:
                name = f"member {member_id!r}" if instance_id is None else f"instance {instance_id!r}"
                raise error_for(code, f"group {self.group_id!r}: {name} was not removed: {explained(code)}")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(found) for name, found in value._asdict().items()}
    if isinstance(value, list):
        return [_plain(found) for found in value]
    return value
