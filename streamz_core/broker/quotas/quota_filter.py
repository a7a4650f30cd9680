"""Which quotas a filter lets pass.

Owns: the meaning of DescribeClientQuotas' components.
Must not know: what a quota limits.

Source: KIP-546
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.broker.quotas.quota_table import CLIENT_ID, IP, USER
from streamz_core.broker.security.acl_table import canonical_host
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.client_quotas import QuotaMatchType

if TYPE_CHECKING:
    from streamz_core.broker.quotas.quota_table import Entity
    from streamz_core.protocol.messages.client_quotas import DescribeClientQuotasRequest, QuotaFilterComponent


def passes(wanted: DescribeClientQuotasRequest, entity: Entity) -> bool:
    """Whether the quotas of the entity are asked for."""
    parts = dict(entity)
    if wanted.strict and len(parts) != len(wanted.components):
        return False
    return all(_fits(component, parts) for component in wanted.components)


def refuse_filter(wanted: DescribeClientQuotasRequest) -> Refusal | None:
    """Why the filter is none."""
    kinds = [component.entity_type for component in wanted.components]
    unknown = [kind for kind in kinds if kind not in {USER, CLIENT_ID, IP}]
    if "" in unknown:
        return Refusal(ErrorCode.INVALID_REQUEST, "a component of the filter has no type")
    if unknown:
        message = f"there are quotas of {USER}, {CLIENT_ID} and {IP}, not of {', '.join(map(repr, unknown))}"
        return Refusal(ErrorCode.UNSUPPORTED_VERSION, message)
    if len(kinds) != len(set(kinds)):
        return Refusal(ErrorCode.INVALID_REQUEST, "the filter has two components of a type")
    if IP in kinds and len(kinds) > 1:
        return Refusal(ErrorCode.INVALID_REQUEST, f"an {IP} has quotas by itself: ask for nothing else")
    for component in wanted.components:
        is_exact = component.match_type == QuotaMatchType.EXACT
        if component.match_type not in list(QuotaMatchType) or is_exact != (component.match is not None):
            message = f"the component of type {component.entity_type} does not say what it matches"
            return Refusal(ErrorCode.INVALID_REQUEST, message)
    return None


def _fits(component: QuotaFilterComponent, parts: dict[str, str | None]) -> bool:
    if component.entity_type not in parts:
        return False
    if component.match_type == QuotaMatchType.SPECIFIED:
        return True
    if component.match_type == QuotaMatchType.DEFAULT:
        return parts[component.entity_type] is None
    wanted = component.match or ""
    wanted = (canonical_host(wanted) or wanted) if component.entity_type == IP else wanted
    return parts[component.entity_type] == wanted
