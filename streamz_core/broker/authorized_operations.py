"""What may be done to a thing, as the bits that descriptions carry.

Owns: the operations that there are on topics, groups and the cluster.
Must not know: who may do them: a broker by itself lets everybody do all; a server that knows its users takes bits away.

Source: KIP-430
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.acls import AclOperation

if TYPE_CHECKING:
    from collections.abc import Iterable


def bits(operations: Iterable[AclOperation]) -> int:
    """A field in which the bit of each of these operations is set."""
    return sum(1 << operation for operation in operations)


TOPIC_OPERATIONS: Final = bits(
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
)
GROUP_OPERATIONS: Final = bits(
    {
        AclOperation.READ,
        AclOperation.DELETE,
        AclOperation.DESCRIBE,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
    }
)
CLUSTER_OPERATIONS: Final = bits(
    {
        AclOperation.CREATE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE,
        AclOperation.CLUSTER_ACTION,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
        AclOperation.IDEMPOTENT_WRITE,
    }
)
