"""The words of access control: resources, patterns, operations, permissions.

Owns: what the requests about ACLs speak of; the numbers are those of the protocol.
Must not know: who is permitted what.

Source: KIP-11, KIP-290, KIP-373
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from streamz_core.protocol.messages.request import Message

CLUSTER_NAME: Final = "kafka-cluster"
"""The name of the one resource of type ``CLUSTER``."""
WILDCARD: Final = "*"
"""Any name, in a literal pattern; any host; and as ``User:*`` any principal."""


class ResourceType(IntEnum):
    """What is protected; ``ANY`` is for filters alone."""

    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7

    @classmethod
    def _missing_(cls, value: object) -> ResourceType:
        return cls.UNKNOWN


class PatternType(IntEnum):
    """How a pattern's name stands for names; ``ANY`` and ``MATCH`` are for filters alone."""

    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    """All patterns that apply to the resource of this name."""
    LITERAL = 3
    PREFIXED = 4

    @classmethod
    def _missing_(cls, value: object) -> PatternType:
        return cls.UNKNOWN


class AclOperation(IntEnum):
    """What is done to a resource; ``ANY`` is for filters alone."""

    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14

    @classmethod
    def _missing_(cls, value: object) -> AclOperation:
        return cls.UNKNOWN


class AclPermissionType(IntEnum):
    """Whether an entry permits or forbids; ``ANY`` is for filters alone."""

    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3

    @classmethod
    def _missing_(cls, value: object) -> AclPermissionType:
        return cls.UNKNOWN


class AclBinding(Message, frozen=True, kw_only=True):
    """One entry: this principal, from this host, may or may not do this to what the pattern stands for."""

    resource_type: ResourceType
    resource_name: str
    resource_pattern_type: PatternType = PatternType.LITERAL
    principal: str
    host: str = WILDCARD
    operation: AclOperation
    permission_type: AclPermissionType


class AclBindingFilter(Message, frozen=True, kw_only=True):
    """Entries that are looked for; what is None or ``ANY`` may be anything."""

    resource_type_filter: ResourceType = ResourceType.ANY
    resource_name_filter: str | None = None
    pattern_type_filter: PatternType = PatternType.ANY
    principal_filter: str | None = None
    host_filter: str | None = None
    operation: AclOperation = AclOperation.ANY
    permission_type: AclPermissionType = AclPermissionType.ANY
