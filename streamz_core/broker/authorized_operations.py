"""What may be done to a thing, as operations and as the bits that descriptions carry.

Owns: the operations that there are on each type of resource.
Must not know: who may do them: a broker by itself lets everybody do all; a server that knows its users takes bits away.

Source: KIP-430, https://kafka.apache.org/documentation/#operations_in_kafka
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.acls import AclOperation, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPERATIONS_ON: Final[Mapping[ResourceType, frozenset[AclOperation]]] = {
    ResourceType.TOPIC: frozenset(
        {
            AclOperation.READ,
            AclOperation.WRITE,
            AclOperation.CREATE,
            AclOperation.DELETE,
            AclOperation.ALTER,
            AclOperation.DESCRIBE,
            AclOperation.DESCRIBE_CONFIGS,
            AclOperation.ALTER_CONFIGS,
        }
    ),
    ResourceType.GROUP: frozenset(
        {
            AclOperation.READ,
            AclOperation.DELETE,
            AclOperation.DESCRIBE,
            AclOperation.DESCRIBE_CONFIGS,
            AclOperation.ALTER_CONFIGS,
        }
    ),
    ResourceType.CLUSTER: frozenset(
        {
            AclOperation.CREATE,
            AclOperation.ALTER,
            AclOperation.DESCRIBE,
            AclOperation.CLUSTER_ACTION,
            AclOperation.DESCRIBE_CONFIGS,
            AclOperation.ALTER_CONFIGS,
            AclOperation.IDEMPOTENT_WRITE,
        }
    ),
    ResourceType.TRANSACTIONAL_ID: frozenset({AclOperation.DESCRIBE, AclOperation.WRITE}),
    ResourceType.DELEGATION_TOKEN: frozenset({AclOperation.DESCRIBE}),
    ResourceType.USER: frozenset({AclOperation.CREATE_TOKENS, AclOperation.DESCRIBE_TOKENS}),
}
"""``ALL`` stands for them together."""


def bits(operations: Iterable[AclOperation]) -> int:
    """A field in which the bit of each of these operations is set."""
    return sum(1 << operation for operation in operations)


TOPIC_OPERATIONS: Final = bits(OPERATIONS_ON[ResourceType.TOPIC])
GROUP_OPERATIONS: Final = bits(OPERATIONS_ON[ResourceType.GROUP])
CLUSTER_OPERATIONS: Final = bits(OPERATIONS_ON[ResourceType.CLUSTER])
