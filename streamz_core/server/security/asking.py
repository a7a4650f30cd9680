"""Somebody asks for something: what that needs, and whether they may.

Owns: ``Rule``, an operation on a type of resource; ``Asking``, one request of one principal, with what it was denied.
Must not know: which API needs which rules, how a request is taken apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from streamz_core.broker.security.acl_table import Resource, Subject
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import CLUSTER_NAME, AclOperation, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

FAILED: Final = {
    ResourceType.TOPIC: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ResourceType.GROUP: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ResourceType.CLUSTER: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ResourceType.TRANSACTIONAL_ID: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
"""How a request is told that it lacks a permission on a type of resource."""


class Rule(NamedTuple):
    """A permission that is needed: this operation on a resource of this type."""

    operation: AclOperation
    resource_type: ResourceType
    on_any: bool = False
    """Whether the permission for any name at all is enough."""


class Permissions(Protocol):
    """What decides."""

    def permits(self, subject: Subject, operation: AclOperation, resource: Resource) -> bool:
        """Whether it is permitted."""

    def permits_some(self, subject: Subject, operation: AclOperation, kind: ResourceType) -> bool:
        """Whether it is permitted for some name."""


class Topics(Protocol):
    """What is known of topics."""

    @property
    def creates_topics(self) -> bool:
        """Whether asking for a topic may create it."""

    def exists(self, name: str) -> bool:
        """Whether there is such a topic."""

    def names(self) -> Iterable[str]:
        """All topics."""

    def name_of(self, topic_id: UUID) -> str | None:
        """The topic of this id."""


class Asking:
    """One request of one principal."""

    def __init__(self, subject: Subject, permissions: Permissions, topics: Topics) -> None:
        self.subject = subject
        self.topics = topics
        self.denied: list[tuple[Rule, str]] = []
        """What was refused, for the audit."""
        self._permissions = permissions

    def may(self, rules: tuple[Rule, ...], name: str) -> bool:
        """Whether one of ``rules`` is satisfied by the resource of this name; a refusal is remembered."""
        if self.may_quietly(rules, name):
            return True
        rule = rules[-1]
        self.denied.append((rule, resource_name(rule, name)))
        return False

    def may_quietly(self, rules: tuple[Rule, ...], name: str) -> bool:
        """As ``may``, for what is only left out of an answer."""
        return any(self._satisfies(rule, name) for rule in rules)

    def name_of(self, name: str, topic_id: UUID | None) -> str | None:
        """The topic that is meant; None for an id that no topic has."""
        return name if topic_id is None else self.topics.name_of(topic_id)

    def _satisfies(self, rule: Rule, name: str) -> bool:
        if rule.on_any:
            return self._permissions.permits_some(self.subject, rule.operation, rule.resource_type)
        resource = Resource(rule.resource_type, resource_name(rule, name))
        return self._permissions.permits(self.subject, rule.operation, resource)


def resource_name(rule: Rule, name: str) -> str:
    """The name that the rule is about: there is one cluster."""
    if rule.on_any:
        return "(any)"
    return CLUSTER_NAME if rule.resource_type is ResourceType.CLUSTER else name


def code_of(rules: tuple[Rule, ...]) -> ErrorCode:
    """What a request is told that satisfies none of ``rules``; they are tried in their order."""
    return FAILED[rules[-1].resource_type]
