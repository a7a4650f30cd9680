"""Which entries a filter lets pass, and which entries and filters are well formed.

Owns: the meaning of ``AclBindingFilter``; what may be kept as an entry, and why not.
Must not know: who is permitted what.

Source: KIP-133, KIP-290
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.broker.authorized_operations import OPERATIONS_ON
from streamz_core.broker.security.acl_table import canonical_host
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import (
    CLUSTER_NAME,
    WILDCARD,
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)

if TYPE_CHECKING:
    from enum import IntEnum

_TEXT_CHARACTERS_MAX: Final = 1_024
"""Of a name or a principal."""


def passes(wanted: AclBindingFilter, binding: AclBinding) -> bool:
    """Whether the filter lets the entry pass."""
    return (
        _fits(wanted.resource_type_filter, binding.resource_type)
        and _pattern_fits(wanted, binding)
        and wanted.principal_filter in {None, binding.principal}
        and wanted.host_filter in {None, binding.host}
        and _fits(wanted.operation, binding.operation)
        and _fits(wanted.permission_type, binding.permission_type)
    )


def refuse_filter(wanted: AclBindingFilter) -> Refusal | None:
    """Why the filter is none."""
    words: tuple[IntEnum, ...] = (
        wanted.resource_type_filter,
        wanted.pattern_type_filter,
        wanted.operation,
        wanted.permission_type,
    )
    unknown = [type(word).__name__ for word in words if word == 0]
    if unknown:
        return Refusal(ErrorCode.INVALID_REQUEST, f"the filter has unknown values of {', '.join(unknown)}")
    return None


def normal(binding: AclBinding) -> AclBinding | Refusal:
    """The entry in the one spelling in which it is kept, or why it cannot be."""
    refusal = _refuse_words(binding) or _refuse_names(binding)
    if refusal is not None:
        return refusal
    if binding.host == WILDCARD:
        return binding
    host = canonical_host(binding.host)
    if host is None:
        # An entry for a name would never apply: connections are known by their addresses.
        message = f"host {binding.host!r} is no IP address: give one, or {WILDCARD!r} for all"
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    return msgspec.structs.replace(binding, host=host)


def _refuse_words(binding: AclBinding) -> Refusal | None:
    if binding.resource_type not in OPERATIONS_ON:
        return _invalid(f"resource type {binding.resource_type.name} is none that entries are about")
    if binding.resource_pattern_type not in {PatternType.LITERAL, PatternType.PREFIXED}:
        return _invalid(f"pattern type {binding.resource_pattern_type.name}: LITERAL and PREFIXED are kept")
    if binding.permission_type not in {AclPermissionType.ALLOW, AclPermissionType.DENY}:
        return _invalid(f"permission type {binding.permission_type.name}: ALLOW and DENY are kept")
    allowed = OPERATIONS_ON[binding.resource_type] | {AclOperation.ALL}
    if binding.operation not in allowed:
        names = ", ".join(one.name for one in sorted(allowed))
        kind = binding.resource_type.name
        return _invalid(f"operation {binding.operation.name} is not done to a {kind}; there are: {names}")
    return None


def _refuse_names(binding: AclBinding) -> Refusal | None:
    if not binding.resource_name or len(binding.resource_name) > _TEXT_CHARACTERS_MAX:
        return _invalid(f"a resource name of 1 to {_TEXT_CHARACTERS_MAX} characters is needed")
    if binding.resource_type is ResourceType.CLUSTER and binding.resource_name != CLUSTER_NAME:
        return _invalid(f"the cluster is called {CLUSTER_NAME!r}, not {binding.resource_name!r}")
    kind, separator, name = binding.principal.partition(":")
    if not (kind and separator and name) or len(binding.principal) > _TEXT_CHARACTERS_MAX:
        message = f"principal {binding.principal!r}: it has a type and a name, such as 'User:alice'"
        return Refusal(ErrorCode.INVALID_PRINCIPAL_TYPE, message)
    return None


def _pattern_fits(wanted: AclBindingFilter, binding: AclBinding) -> bool:
    name, kind = wanted.resource_name_filter, wanted.pattern_type_filter
    if kind in {PatternType.LITERAL, PatternType.PREFIXED} and kind is not binding.resource_pattern_type:
        return False
    if name is None or name == binding.resource_name:
        return True
    if kind is not PatternType.MATCH:
        return False
    if binding.resource_pattern_type is PatternType.PREFIXED:
        return name.startswith(binding.resource_name)
    return binding.resource_name == WILDCARD


def _fits(wanted: IntEnum, found: IntEnum) -> bool:
    return wanted in (1, found)


def _invalid(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_REQUEST, message)
