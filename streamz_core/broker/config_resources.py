"""What has settings: topics and the one broker.

Owns: why a resource that is neither has none.
Must not know: the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import NODE_ID
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import ConfigResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

_WITHOUT: Final[Mapping[int, str]] = {
    ConfigResourceType.BROKER_LOGGER: "log levels are set where the broker is started, not at run time",
    ConfigResourceType.CLIENT_METRICS: "this broker collects no metrics of its clients",
    ConfigResourceType.GROUP: "groups have no settings of their own; those of all groups are the broker's",
}


WITHOUT_SETTINGS: Final = frozenset({ConfigResourceType.GROUP, ConfigResourceType.CLIENT_METRICS})
"""What has no settings now and could have some: describing it finds none, changing it is refused."""


def name_of_type(resource_type: int) -> str:
    """What a message calls it."""
    if resource_type in list(ConfigResourceType):
        return ConfigResourceType(resource_type).name.lower()
    return f"resource of type {resource_type}"


def refuse_resource(resource_type: int, name: str) -> Refusal | None:
    """Why what is no topic has no settings; the broker has, and with an empty name all brokers have."""
    if resource_type != ConfigResourceType.BROKER:
        what = name_of_type(resource_type)
        why = _WITHOUT.get(resource_type, "only topics and brokers have settings")
        return Refusal(ErrorCode.INVALID_REQUEST, f"{what} {name!r}: {why}")
    if name in ("", str(NODE_ID)):
        return None
    message = f"there is no broker {name!r}: the one there is has id {NODE_ID}"
    return Refusal(ErrorCode.INVALID_REQUEST, message)
