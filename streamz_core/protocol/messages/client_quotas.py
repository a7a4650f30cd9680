"""DescribeClientQuotas (API key 48) and AlterClientQuotas (49): one vocabulary, one file.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeClientQuotas, KIP-546
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class QuotaMatchType(IntEnum):
    """How the name of an entity is compared."""

    EXACT = 0
    DEFAULT = 1
    """The entity that stands for all that have no quota of their own."""
    SPECIFIED = 2
    """Any name."""


class QuotaFilterComponent(Message, frozen=True, kw_only=True):
    """A condition: the quota is of such an entity (``user``, ``client-id``, ``ip``)."""

    entity_type: str
    match_type: QuotaMatchType | int
    match: str | None


class QuotaEntityPart(Message, frozen=True, kw_only=True):
    """A name that a quota is bound to; None is the default."""

    entity_type: str
    entity_name: str | None


class QuotaValue(Message, frozen=True, kw_only=True):
    """What is limited, and to how much."""

    key: str
    value: float


class DescribedQuota(Message, frozen=True, kw_only=True):
    """The limits of one entity."""

    entity: list[QuotaEntityPart]
    values: list[QuotaValue]


class DescribeClientQuotasResponse(Message, frozen=True, kw_only=True):
    """The quotas that match; ``entries`` None with an error."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    entries: Sequence[DescribedQuota] | None = None
    throttle_time_ms: int = 0


class DescribeClientQuotasRequest(Request[DescribeClientQuotasResponse], frozen=True, kw_only=True):
    """All components must match; ``strict`` leaves out quotas that are bound to more."""

    api_key: ClassVar[int] = 48
    components: list[QuotaFilterComponent]
    strict: bool = False


class QuotaOperation(Message, frozen=True, kw_only=True):
    """Set a limit, or remove it."""

    key: str
    value: float
    remove: bool = False


class QuotaAlteration(Message, frozen=True, kw_only=True):
    """What is to change for one entity."""

    entity: list[QuotaEntityPart]
    ops: list[QuotaOperation]


class AlteredQuota(Message, frozen=True, kw_only=True):
    """What became of one entity's changes."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    entity: list[QuotaEntityPart]


class AlterClientQuotasResponse(Message, frozen=True, kw_only=True):
    """One result per entity."""

    entries: list[AlteredQuota]
    throttle_time_ms: int = 0


class AlterClientQuotasRequest(Request[AlterClientQuotasResponse], frozen=True, kw_only=True):
    """Change quotas, or with ``validate_only`` say whether they could be."""

    api_key: ClassVar[int] = 49
    entries: list[QuotaAlteration]
    validate_only: bool = False
