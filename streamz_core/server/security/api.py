"""One row of the table: an API and what it needs.

Owns: ``Api``, and the words that several rows use.
Must not know: the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.protocol.messages.acls import AclOperation, ResourceType
from streamz_core.server.security.asking import Rule

if TYPE_CHECKING:
    from streamz_core.protocol.messages.request import Request
    from streamz_core.server.security.asking import Asking
    from streamz_core.server.security.steps import Step


class Api(NamedTuple):
    """What a type of request needs; no steps: anybody may ask."""

    request: type[Request[Any]]
    steps: tuple[Step, ...] = ()


def on(operation: AclOperation, kind: ResourceType) -> tuple[Rule, ...]:
    """One permission, as steps want it."""
    return (Rule(operation, kind),)


READ_GROUP: Final = on(AclOperation.READ, ResourceType.GROUP)
DESCRIBE_GROUP: Final = on(AclOperation.DESCRIBE, ResourceType.GROUP)
DELETE_GROUP: Final = on(AclOperation.DELETE, ResourceType.GROUP)
READ_TOPIC: Final = on(AclOperation.READ, ResourceType.TOPIC)
WRITE_TOPIC: Final = on(AclOperation.WRITE, ResourceType.TOPIC)
DESCRIBE_TOPIC: Final = on(AclOperation.DESCRIBE, ResourceType.TOPIC)
DELETE_TOPIC: Final = on(AclOperation.DELETE, ResourceType.TOPIC)
ALTER_TOPIC: Final = on(AclOperation.ALTER, ResourceType.TOPIC)
CREATE_TOPIC: Final = (
    Rule(AclOperation.CREATE, ResourceType.CLUSTER),
    Rule(AclOperation.CREATE, ResourceType.TOPIC),
)
WRITE_TRANSACTION: Final = on(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID)
DESCRIBE_TRANSACTION: Final = on(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID)
ALTER_CLUSTER: Final = on(AclOperation.ALTER, ResourceType.CLUSTER)
DESCRIBE_CLUSTER: Final = on(AclOperation.DESCRIBE, ResourceType.CLUSTER)


def by_name(_asking: Asking, part: Any) -> str:
    """The name of a part that is known by its name."""
    name: str = part.name
    return name


def by_name_or_id(asking: Asking, part: Any) -> str | None:
    """The name of a topic that is known by its name or its id."""
    return asking.name_of(part.name, part.topic_id)


def itself(_asking: Asking, part: str) -> str:
    """A part that is nothing but a name."""
    return part
