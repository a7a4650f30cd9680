"""Which entries a command line of ``streamz acls`` means.

Owns: from resources, principals, hosts and operations, or the comforts ``--producer`` and ``--consumer``, to entries
and filters; as kafka-acls understands them.
Must not know: printing, links.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import click

from streamz_core.client.acls import (
    CLUSTER_NAME,
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)

_ANY_HOST: Final = ("*",)
_NAMES: Final = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS: Final = {
    one.name.replace("_", "").lower(): one
    for one in AclOperation
    if one not in {AclOperation.UNKNOWN, AclOperation.ANY}
}
_PRODUCING: Final = {
    ResourceType.TOPIC: (AclOperation.WRITE, AclOperation.DESCRIBE, AclOperation.CREATE),
    ResourceType.TRANSACTIONAL_ID: (AclOperation.WRITE, AclOperation.DESCRIBE),
}
_CONSUMING: Final = {
    ResourceType.TOPIC: (AclOperation.READ, AclOperation.DESCRIBE),
    ResourceType.GROUP: (AclOperation.READ,),
}


class _Resource(NamedTuple):
    type: ResourceType
    name: str


class _Entry(NamedTuple):
    """Who, from where, what, yes or no; no resource yet."""

    principal: str
    host: str
    operation: AclOperation
    permission: AclPermissionType


class AclChoice(NamedTuple):
    """``bindings`` to add, ``filters`` to remove by, ``listed`` to show what there is then."""

    bindings: list[AclBinding]
    filters: list[AclBindingFilter]
    listed: list[AclBindingFilter]


def choice(action: str, given: dict[str, Any]) -> AclChoice:
    """What the command line means. Raises ``click.UsageError``."""
    pattern = PatternType[given["pattern"].upper()]
    resources = _resources(given)
    _check(action, given, pattern, resources)
    principals = given["principal"] or (None,)
    wanted: list[_Resource | None] = [*resources] or [None]
    listed = [
        _filter(resource, pattern, principal=principal) for resource in wanted for principal in principals
    ]
    if action == "list":
        return AclChoice([], [], listed)
    entries = _entries(given, resources)
    filters = [
        _filter(resource, pattern, one.principal, one.host, one.operation, one.permission)
        for resource, one in entries
    ]
    if action == "remove":
        return AclChoice([], filters or listed, [_filter(one, pattern) for one in resources])
    return AclChoice([_binding(resource, pattern, one) for resource, one in entries], [], listed)


def _resources(given: dict[str, Any]) -> list[_Resource]:
    named = [_Resource(kind, name) for option, kind in _NAMES.items() for name in given[option]]
    wants_cluster = given["cluster"] or given["idempotent"]
    return named + ([_Resource(ResourceType.CLUSTER, CLUSTER_NAME)] if wants_cluster else [])


def _check(action: str, given: dict[str, Any], pattern: PatternType, resources: list[_Resource]) -> None:
    if action != "list" and not resources:
        raise click.UsageError("name a resource: --topic, --group, --transactional-id or --cluster")
    who = given["allow_principal"] or given["deny_principal"]
    if action == "add" and not who:
        raise click.UsageError("--add needs --allow-principal or --deny-principal")
    if action == "add" and pattern not in {PatternType.LITERAL, PatternType.PREFIXED}:
        raise click.UsageError("--add takes --resource-pattern-type literal or prefixed")
    if action == "list" and who:
        raise click.UsageError("--list takes --principal")
    if action == "add" and given["principal"]:
        raise click.UsageError("--add takes --allow-principal and --deny-principal")
    for side in ("allow", "deny"):
        if given[f"{side}_host"] and not given[f"{side}_principal"]:
            raise click.UsageError(f"--{side}-host goes with --{side}-principal")
    if given["idempotent"] and not given["producer"]:
        raise click.UsageError("--idempotent goes with --producer")
    if given["producer"] or given["consumer"]:
        _check_comfort(given)


def _check_comfort(given: dict[str, Any]) -> None:
    if given["operation"] or given["deny_principal"]:
        raise click.UsageError(
            "--producer and --consumer say which operations are allowed: no others, and no denial"
        )
    if not given["topic"]:
        raise click.UsageError("--producer and --consumer need --topic")
    if given["consumer"] and not given["group"]:
        raise click.UsageError("--consumer needs --group")
    if given["group"] and not given["consumer"]:
        raise click.UsageError("--producer has no --group")
    if given["transactional_id"] and not given["producer"]:
        raise click.UsageError("--consumer has no --transactional-id")


def _entries(given: dict[str, Any], resources: list[_Resource]) -> list[tuple[_Resource, _Entry]]:
    allowed = [(who, host) for who in given["allow_principal"] for host in given["allow_host"] or _ANY_HOST]
    denied = [(who, host) for who in given["deny_principal"] for host in given["deny_host"] or _ANY_HOST]
    result = []
    for resource in resources:
        for operation in _operations(given, resource):
            for permission, sides in ((AclPermissionType.ALLOW, allowed), (AclPermissionType.DENY, denied)):
                result += [(resource, _Entry(who, host, operation, permission)) for who, host in sides]
    return result


def _operations(given: dict[str, Any], resource: _Resource) -> list[AclOperation]:
    if given["producer"] or given["consumer"]:
        found: dict[AclOperation, None] = {}
        if given["producer"]:
            found |= dict.fromkeys(_PRODUCING.get(resource.type, ()))
        if given["consumer"]:
            found |= dict.fromkeys(_CONSUMING.get(resource.type, ()))
        if given["idempotent"] and resource.type is ResourceType.CLUSTER:
            found[AclOperation.IDEMPOTENT_WRITE] = None
        return list(found)
    return [_operation(text) for text in given["operation"]] or [AclOperation.ALL]


def _operation(text: str) -> AclOperation:
    found = _OPERATIONS.get(text.replace("_", "").lower())
    if found is None:
        names = ", ".join(one.name.title().replace("_", "") for one in _OPERATIONS.values())
        raise click.UsageError(f"--operation {text}: there are {names}")
    return found


def _binding(resource: _Resource, pattern: PatternType, entry: _Entry) -> AclBinding:
    return AclBinding(
        resource_type=resource.type,
        resource_name=resource.name,
        resource_pattern_type=pattern,
        principal=entry.principal,
        host=entry.host,
        operation=entry.operation,
        permission_type=entry.permission,
    )


def _filter(
    resource: _Resource | None,
    pattern: PatternType,
    principal: str | None = None,
    host: str | None = None,
    operation: AclOperation = AclOperation.ANY,
    permission: AclPermissionType = AclPermissionType.ANY,
) -> AclBindingFilter:
    if resource is None:
        return AclBindingFilter(principal_filter=principal)
    # The cluster's one name is literal, whatever patterns the others are looked for by.
    is_prefixed_cluster = resource.type is ResourceType.CLUSTER and pattern is PatternType.PREFIXED
    return AclBindingFilter(
        resource_type_filter=resource.type,
        resource_name_filter=resource.name,
        pattern_type_filter=PatternType.LITERAL if is_prefixed_cluster else pattern,
        principal_filter=principal,
        host_filter=host,
        operation=operation,
        permission_type=permission,
    )
