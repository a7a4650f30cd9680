"""What the admin client is asked about access control, and what it says of it.

Owns: the public names of ACLs' and SCRAM users' values.
Must not know: requests, links.

    AclBinding(
        resource_type=ResourceType.TOPIC,
        resource_name="views",
        principal="User:alice",
        operation=AclOperation.READ,
        permission_type=AclPermissionType.ALLOW,
    )
"""

from __future__ import annotations

from typing import NamedTuple

from streamz_core.protocol.messages.acls import (
    CLUSTER_NAME,
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism

__all__ = [
    "CLUSTER_NAME",
    "AclBinding",
    "AclBindingFilter",
    "AclOperation",
    "AclPermissionType",
    "PatternType",
    "ResourceType",
    "ScramCredentialInfo",
    "ScramMechanism",
]


class ScramCredentialInfo(NamedTuple):
    """One way in which a user can log in."""

    mechanism: ScramMechanism
    iterations: int
