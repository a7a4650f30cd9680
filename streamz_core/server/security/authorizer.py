"""The door between a request and the broker: what of it may pass.

Owns: who is a super user, when anything is checked at all, and judging a request by the table.
Must not know: what each API needs (``api_table``), what entries mean (``broker.security``).

Nothing is checked on a port that authenticates nobody, as long as nobody has made ACLs: everybody is the same one
then. As soon as there are ACLs, or principals, what no ACL permits is denied; there is no setting for the opposite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from streamz_core.broker.security.acl_table import Resource, Subject, canonical_host
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.protocol.messages.alter_user_scram_credentials import AlterUserScramCredentialsRequest
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.server.security.api_table import API_TABLE
from streamz_core.server.security.asking import Asking
from streamz_core.server.security.steps import Split, Whole, carry_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from streamz_core.broker.config import BrokerConfig
    from streamz_core.broker.quotas.quotas import Quotas
    from streamz_core.broker.security.security import Security
    from streamz_core.protocol.messages.acls import AclOperation, ResourceType
    from streamz_core.protocol.messages.request import Request
    from streamz_core.server.security.audit import Audit

_MAKES_RULES: Final = (CreateAclsRequest, AlterUserScramCredentialsRequest)
"""What nobody in particular must not do: whoever comes to be authenticated later would find rules of a stranger."""


class Directory(Protocol):
    """The topics there are."""

    @property
    def topics(self) -> Mapping[str, Any]:
        """By name."""

    def name_of(self, topic_id: UUID) -> str | None:
        """The topic of this id."""


class Served(Protocol):
    """The broker, as far as it is looked at here."""

    @property
    def security(self) -> Security:
        """ACLs and users."""

    @property
    def quotas(self) -> Quotas:
        """Who may do how much."""

    @property
    def directory(self) -> Directory:
        """Topics."""

    @property
    def config(self) -> BrokerConfig:
        """Settings."""


class Authorizer:
    """Judges the requests of one server."""

    def __init__(
        self, served: Served, audit: Audit, *, super_users: frozenset[str], authenticates: bool
    ) -> None:
        """``super_users`` such as ``User:admin`` may do everything; ``authenticates``: peers have names."""
        self._served = served
        self._audit = audit
        self._super_users = super_users
        self._authenticates = authenticates

    @property
    def is_on(self) -> bool:
        """Whether anything is checked."""
        return self._authenticates or len(self._served.security.acls) > 0

    def guard(self, principal: str, host: str, request: Request[Any]) -> Split:
        """What of ``request`` may pass, and what makes the whole answer of that one's answer.

        ``split.finish(None if split.request is None else await broker.handle(split.request))``
        """
        if not self.is_on:
            if isinstance(request, _MAKES_RULES):
                return _security_is_disabled(request)
            return Split(request, lambda answer: answer)
        api = API_TABLE.get(type(request))
        if api is None:
            raise Misuse(f"{type(request).__name__} is not in the table of what APIs need: nobody may ask it")
        if not api.steps or principal in self._super_users:
            return Split(request, lambda answer: answer)
        asking = Asking(Subject(principal, canonical_host(host) or host), self, self)
        request, finish = carry_out(api.steps, asking, request)

        def finish_and_tell(answer: Any) -> Any:
            answer = finish(answer)
            if asking.denied:
                self._audit.denied(
                    asking.subject, api.request.__name__.removesuffix("Request"), asking.denied
                )
            return answer

        return Split(request, finish_and_tell)

    # -- what is asked while a request is judged ------------------------------------------------------

    def permits(self, subject: Subject, operation: AclOperation, resource: Resource) -> bool:
        """See ``Permissions``."""
        return self._served.security.acls.permits(subject, operation, resource)

    def permits_some(self, subject: Subject, operation: AclOperation, kind: ResourceType) -> bool:
        """See ``Permissions``."""
        return self._served.security.acls.permits_some(subject, operation, kind)

    @property
    def creates_topics(self) -> bool:
        """See ``Topics``."""
        return self._served.config.auto_create_topics

    def exists(self, name: str) -> bool:
        """See ``Topics``."""
        return name in self._served.directory.topics

    def names(self) -> Iterable[str]:
        """See ``Topics``."""
        return self._served.directory.topics

    def name_of(self, topic_id: UUID) -> str | None:
        """See ``Topics``."""
        return self._served.directory.name_of(topic_id)


def _security_is_disabled(request: Request[Any]) -> Split:
    """The answer of a port that knows nobody to who would make rules there."""
    message = (
        "this port authenticates nobody, so nobody can say here who may do what: use the data directory itself, "
        "or a port with TLS or SASL"
    )
    step = API_TABLE[type(request)].steps[0]
    assert isinstance(step, Whole)
    refused = step.refused(request, ErrorCode.SECURITY_DISABLED)
    results = [msgspec.structs.replace(one, error_message=message) for one in refused.results]
    answer = msgspec.structs.replace(refused, results=results)
    return Split(None, lambda _: answer)
