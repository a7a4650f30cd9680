"""The decision: may this principal, from this host, do this to that?

Owns: how ACLs apply: literal, prefixed and wildcard patterns, deny before allow, what an operation implies, and
nothing permitted that no entry permits.
Must not know: requests, connections, where entries are kept. A table is a value: another set of entries is
another table.

Source: KIP-11, KIP-290, KIP-679
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.protocol.messages.acls import (
    WILDCARD,
    AclBinding,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ANYBODY: Final = "User:*"
"""The principal of entries that apply to every principal."""
_CACHED_MAX: Final = 20_000
_CACHED_CHARACTERS_MAX: Final = 255
"""Of a name: a topic's is never longer."""
IMPLIED_BY: Final[Mapping[AclOperation, frozenset[AclOperation]]] = {
    AclOperation.DESCRIBE: frozenset(
        {AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER}
    ),
    AclOperation.DESCRIBE_CONFIGS: frozenset({AclOperation.ALTER_CONFIGS}),
}
"""Who is allowed one of the right may do the left as well. A denial implies nothing."""


class Subject(NamedTuple):
    """Who asks: a principal such as ``User:alice``, and the address of its host."""

    principal: str
    host: str


class Resource(NamedTuple):
    """What it is about."""

    type: ResourceType
    name: str


class AclTable:
    """All entries, arranged for deciding."""

    def __init__(self, bindings: Iterable[AclBinding] = ()) -> None:
        self.bindings: frozenset[AclBinding] = frozenset(bindings)
        self._literal: dict[Resource, list[AclBinding]] = defaultdict(list)
        self._prefixed: dict[Resource, list[AclBinding]] = defaultdict(list)
        self._prefix_lengths: dict[ResourceType, set[int]] = defaultdict(set)
        self._cache: dict[tuple[Subject, AclOperation, Resource], bool] = {}
        for one in self.bindings:
            is_literal = one.resource_pattern_type is PatternType.LITERAL
            patterns = self._literal if is_literal else self._prefixed
            patterns[Resource(one.resource_type, one.resource_name)].append(one)
            if not is_literal:
                self._prefix_lengths[one.resource_type].add(len(one.resource_name))

    def __len__(self) -> int:
        return len(self.bindings)

    def permits(self, subject: Subject, operation: AclOperation, resource: Resource) -> bool:
        """Whether an entry permits it and none forbids it."""
        if len(resource.name) > _CACHED_CHARACTERS_MAX:
            return self._decide(subject, operation, resource)
        key = (subject, operation, resource)
        known = self._cache.get(key)
        if known is None:
            if len(self._cache) >= _CACHED_MAX:
                self._cache.clear()
            known = self._cache[key] = self._decide(subject, operation, resource)
        return known

    def permits_some(self, subject: Subject, operation: AclOperation, kind: ResourceType) -> bool:
        """Whether there may be a resource of this type for which it is permitted, there now or not.

        A producer may number its records if it may write to any topic.
        """
        applying = [one for one in self.bindings if one.resource_type is kind and _is_about(one, subject)]
        denied = [one for one in applying if _denies(one, operation)]
        return any(
            _allows(one, operation) and not any(_covers(denial, one) for denial in denied) for one in applying
        )

    def applying_to(self, resource: Resource) -> Iterator[AclBinding]:
        """The entries whose pattern stands for the resource, whoever and whatever they are about."""
        kind, name = resource
        yield from self._literal.get(resource, ())
        if name != WILDCARD:
            yield from self._literal.get(Resource(kind, WILDCARD), ())
        # Not every prefix of the name: whoever asks makes that as long as a request may be.
        for length in self._prefix_lengths.get(kind, ()):
            if length <= len(name):
                yield from self._prefixed.get(Resource(kind, name[:length]), ())

    def _decide(self, subject: Subject, operation: AclOperation, resource: Resource) -> bool:
        applying = [one for one in self.applying_to(resource) if _is_about(one, subject)]
        if any(_denies(one, operation) for one in applying):
            return False
        return any(_allows(one, operation) for one in applying)


def canonical_host(host: str) -> str | None:
    """One spelling for each address; an IPv4 address that came as IPv6 is the IPv4 one. None if it is no address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_about(binding: AclBinding, subject: Subject) -> bool:
    return binding.principal in {subject.principal, ANYBODY} and binding.host in {subject.host, WILDCARD}


def _denies(binding: AclBinding, operation: AclOperation) -> bool:
    return binding.permission_type is AclPermissionType.DENY and binding.operation in {
        operation,
        AclOperation.ALL,
    }


def _allows(binding: AclBinding, operation: AclOperation) -> bool:
    return binding.permission_type is AclPermissionType.ALLOW and (
        binding.operation in {operation, AclOperation.ALL}
        or binding.operation in IMPLIED_BY.get(operation, ())
    )


def _covers(one: AclBinding, other: AclBinding) -> bool:
    """Whether the pattern of ``one`` stands for every name that the pattern of ``other`` stands for."""
    if one.resource_pattern_type is PatternType.PREFIXED:
        is_wildcard = other.resource_pattern_type is PatternType.LITERAL and other.resource_name == WILDCARD
        return other.resource_name.startswith(one.resource_name) and not is_wildcard
    if one.resource_name == WILDCARD:
        return True
    return other.resource_pattern_type is PatternType.LITERAL and one.resource_name == other.resource_name
