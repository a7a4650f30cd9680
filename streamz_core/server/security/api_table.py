"""THE table: every API, every operation, every resource; the only place that says who needs what.

Owns: all rows together. Requests are judged by it, the documentation is written from it, tests go through it both ways.
Must not know: who asks.

Source: https://kafka.apache.org/documentation/#operations_resources_and_protocols
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.server.security.cluster_apis import CLUSTER_APIS
from streamz_core.server.security.group_apis import GROUP_APIS
from streamz_core.server.security.topic_apis import TOPIC_APIS
from streamz_core.server.security.transaction_apis import TRANSACTION_APIS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamz_core.protocol.messages.request import Request
    from streamz_core.server.security.api import Api

API_TABLE: Final[Mapping[type[Request[Any]], Api]] = {
    api.request: api
    for api in sorted(
        (*TOPIC_APIS, *GROUP_APIS, *TRANSACTION_APIS, *CLUSTER_APIS), key=lambda api: api.request.api_key
    )
}
"""Request type to its row, by API key."""


def as_markdown() -> str:
    """The table for the documentation."""
    lines = ["| API | key | needs | on | for |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows()]
    return "\n".join(lines) + "\n"


def _rows() -> Iterator[tuple[str, ...]]:
    for request, api in API_TABLE.items():
        name, key = request.__name__.removesuffix("Request"), str(request.api_key)
        if not api.steps:
            yield name, key, "nothing", "", "asked before and without authentication"
        for step in api.steps:
            words = [
                (
                    _words(rule.operation.name),
                    _words(rule.resource_type.name) + (" (any)" if rule.on_any else ""),
                )
                for rule in step.rules
            ]
            yield (
                name,
                key,
                " or ".join(one for one, _ in words),
                " or ".join(one for _, one in words),
                step.scope,
            )


def _words(constant: str) -> str:
    """As Kafka's tools write it.

    >>> _words("TRANSACTIONAL_ID")
    'TransactionalId'
    """
    return constant.title().replace("_", "")
