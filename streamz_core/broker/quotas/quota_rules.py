"""Which quotas may be kept, and why not.

Owns: the names of limits and what they are of, the shape of entities and values.
Must not know: which quotas there are, who is limited.

Source: KIP-546; the limits are Kafka's ``QuotaConfig``
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from streamz_core.broker.quotas.quota_table import (
    CLIENT_ID,
    CONNECTION_CREATION_RATE,
    CONSUMER_BYTE_RATE,
    CONTROLLER_MUTATION_RATE,
    IP,
    PRODUCER_BYTE_RATE,
    REQUEST_PERCENTAGE,
    USER,
    Entity,
)
from streamz_core.broker.security.acl_table import canonical_host
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.protocol.messages.client_quotas import QuotaEntityPart, QuotaOperation

CLIENT_KEYS: Final = (PRODUCER_BYTE_RATE, CONSUMER_BYTE_RATE, REQUEST_PERCENTAGE, CONTROLLER_MUTATION_RATE)
"""What users and client ids have."""
IP_KEYS: Final = (CONNECTION_CREATION_RATE,)
"""What addresses have."""
_WHOLE: Final = frozenset({PRODUCER_BYTE_RATE, CONSUMER_BYTE_RATE, CONNECTION_CREATION_RATE})
_NAME_CHARACTERS_MAX: Final = 1_024


def entity_of(parts: Iterable[QuotaEntityPart]) -> Entity | Refusal:
    """What a quota is to be bound to, in the one spelling in which it is kept."""
    found: dict[str, str | None] = {}
    for part in parts:
        if part.entity_type not in {USER, CLIENT_ID, IP}:
            return _invalid(f"there are quotas of {USER}, {CLIENT_ID} and {IP}, not of {part.entity_type!r}")
        if part.entity_type in found:
            return _invalid(f"the entity has two of type {part.entity_type}")
        name = part.entity_name
        if name is not None and not 0 < len(name) <= _NAME_CHARACTERS_MAX:
            return _invalid(f"a {part.entity_type} has 1 to {_NAME_CHARACTERS_MAX} characters")
        if name is not None and part.entity_type == IP:
            name = canonical_host(name)
            if name is None:
                # A quota of a name would never apply: connections are known by their addresses.
                return _invalid(f"ip {part.entity_name!r} is no IP address")
        found[part.entity_type] = name
    if not found:
        return _invalid(f"an entity has a {USER}, a {CLIENT_ID}, both, or an {IP}")
    if IP in found and len(found) > 1:
        return _invalid(f"an {IP} has quotas by itself, not together with a {USER} or {CLIENT_ID}")
    return frozenset(found.items())


def changed(
    entity: Entity, before: Mapping[str, float], operations: Iterable[QuotaOperation]
) -> dict[str, float] | Refusal:
    """The entity's limits after the operations: all of them, or why none."""
    after, seen = dict(before), set[str]()
    for one in operations:
        refusal = _refuse_operation(entity, one)
        if refusal is None and one.key in seen:
            refusal = _invalid(f"{one.key} is in the request twice")
        if refusal is not None:
            return refusal
        seen.add(one.key)
        if one.remove:
            after.pop(one.key, None)
        else:
            after[one.key] = float(round(one.value)) if one.key in _WHOLE else one.value
    return after


def _refuse_operation(entity: Entity, operation: QuotaOperation) -> Refusal | None:
    key, value = operation.key, operation.value
    keys = IP_KEYS if any(kind == IP for kind, _ in entity) else CLIENT_KEYS
    if key not in keys:
        return _invalid(f"{key!r} is not limited for {said(entity)}; there is {', '.join(keys)}")
    if operation.remove:
        return None
    if not math.isfinite(value) or value < 0 or (value == 0 and key != CONNECTION_CREATION_RATE):
        return _invalid(f"{key}={value}: allowed are numbers above 0")
    if key in _WHOLE and abs(value - round(value)) > 1e-6:
        return _invalid(f"{key}={value}: allowed are whole numbers")
    return None


def said(entity: Entity) -> str:
    """In words.

    >>> said(frozenset({("user", "ann"), ("client-id", None)}))
    "user 'ann', the default client-id"
    """
    return ", ".join(
        f"the default {kind}" if name is None else f"{kind} {name!r}"
        for kind, name in sorted(entity, key=lambda part: (USER, CLIENT_ID, IP).index(part[0]))
    )


def _invalid(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_REQUEST, message)
