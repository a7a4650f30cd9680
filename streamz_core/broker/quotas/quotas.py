"""The broker's client quotas: what is in force, kept in the data directory.

Owns: the table in force, and changing it durably.
Must not know: requests; who is slowed down, and how.

A change is durable before it is in force. Where the disk refuses it, what was in force stays so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.broker.quotas.quota_table import Entity, QuotaTable
from streamz_core.protocol.messages.client_quotas import DescribedQuota, QuotaEntityPart, QuotaValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.log.directory import LogDirectory

QUOTAS_MAX: Final = 10_000
"""Of entities."""


class Quotas:
    """Who may do how much; bound to one open data directory."""

    def __init__(self, directory: LogDirectory) -> None:
        self._directory = directory
        self.table = QuotaTable(
            {
                frozenset((part.entity_type, part.entity_name) for part in one.entity): {
                    value.key: value.value for value in one.values
                }
                for one in directory.catalog.access.quotas
            }
        )

    def change(self, quotas: Mapping[Entity, Mapping[str, float]]) -> None:
        """Let these hold, and no others. Raises ``StorageFailure``."""
        access = self._directory.catalog.access
        kept = [described(entity, values) for entity, values in quotas.items()]
        self._directory.set_access(msgspec.structs.replace(access, quotas=kept))
        self.table = QuotaTable(quotas)


def described(entity: Entity, values: Mapping[str, float]) -> DescribedQuota:
    """As requests and the catalog speak of it."""
    return DescribedQuota(
        entity=[QuotaEntityPart(entity_type=kind, entity_name=name) for kind, name in sorted(entity)],
        values=[QuotaValue(key=key, value=value) for key, value in sorted(values.items())],
    )
