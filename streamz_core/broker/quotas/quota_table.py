"""The decision: which limit holds for this user, this client id, this address?

Owns: what quotas are bound to, which of several holds, and who shares what it allows.
Must not know: requests, connections, rates. A table is a value: another set of quotas is another table.

Source: KIP-13, KIP-55 (the order of precedence), KIP-546, KIP-612
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USER: Final = "user"
CLIENT_ID: Final = "client-id"
IP: Final = "ip"

PRODUCER_BYTE_RATE: Final = "producer_byte_rate"
CONSUMER_BYTE_RATE: Final = "consumer_byte_rate"
REQUEST_PERCENTAGE: Final = "request_percentage"
CONTROLLER_MUTATION_RATE: Final = "controller_mutation_rate"
CONNECTION_CREATION_RATE: Final = "connection_creation_rate"

_CACHED_MAX: Final = 20_000

Entity: TypeAlias = "frozenset[tuple[str, str | None]]"
"""What a quota is bound to: types and names; the name None stands for all that have no quota of their own."""


class Limit(NamedTuple):
    """How much there may be, and of whom together: None stands for every user, or every client id."""

    bound: float
    user: str | None
    client_id: str | None


class QuotaTable:
    """All quotas."""

    def __init__(self, quotas: Mapping[Entity, Mapping[str, float]] | None = None) -> None:
        self.quotas: Mapping[Entity, Mapping[str, float]] = quotas or {}
        self.keys: frozenset[str] = frozenset(key for values in self.quotas.values() for key in values)
        """What is limited for anybody at all."""
        self._cache: dict[tuple[str, str, str], Limit | None] = {}

    def limit(self, key: str, user: str, client_id: str) -> Limit | None:
        """The one that holds for this user with this client id; None where there is none."""
        if key not in self.keys:
            return None
        asked = (key, user, client_id)
        if asked not in self._cache:
            if len(self._cache) >= _CACHED_MAX:
                self._cache.clear()
            self._cache[asked] = self._decide(key, user, client_id)
        return self._cache[asked]

    def connection_rate(self, ip: str) -> float | None:
        """New connections a second that this address may make; None: as many as it likes."""
        own = self.quotas.get(frozenset({(IP, ip)}), {})
        of_all = self.quotas.get(frozenset({(IP, None)}), {})
        return own.get(CONNECTION_CREATION_RATE, of_all.get(CONNECTION_CREATION_RATE))

    def _decide(self, key: str, user: str, client_id: str) -> Limit | None:
        for entity, together in _candidates(user, client_id):
            bound = self.quotas.get(entity, {}).get(key)
            if bound is not None:
                return Limit(bound, *together)
        return None


def _candidates(user: str, client_id: str) -> Iterator[tuple[Entity, tuple[str | None, str | None]]]:
    """What a quota may be bound to that holds for both, the strongest first, and who then shares it."""
    this_user, any_user = (USER, user), (USER, None)
    this_client, any_client = (CLIENT_ID, client_id), (CLIENT_ID, None)
    yield frozenset({this_user, this_client}), (user, client_id)
    yield frozenset({this_user, any_client}), (user, client_id)
    yield frozenset({this_user}), (user, None)
    yield frozenset({any_user, this_client}), (user, client_id)
    yield frozenset({any_user, any_client}), (user, client_id)
    yield frozenset({any_user}), (user, None)
    yield frozenset({this_client}), (None, client_id)
    yield frozenset({any_client}), (None, client_id)
