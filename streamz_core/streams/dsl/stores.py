"""``Stores``: the stores that processors use, as a user declares them.

Owns: the builders, and the specs that follow from them.
Must not know: which steps use a store, how stores work.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.streams.dsl.serde import Codecs


@dataclass(frozen=True, slots=True)
class StoreBuilder:
    """A store to be: its name, kind and types. A value; ``with_…`` gives a changed one."""

    name: str
    kind: StoreKind
    key: Serde
    value: Serde
    logging: bool = True
    logging_config: Mapping[str, str] = field(default_factory=dict)

    def with_logging_enabled(self, config: Mapping[str, str] | None = None) -> Self:
        """With a changelog; ``config`` is its topic's, by Kafka's names."""
        return replace(self, logging=True, logging_config=dict(config or {}))

    def with_logging_disabled(self) -> Self:
        """Without a changelog: the contents are lost with the store's files."""
        return replace(self, logging=False, logging_config={})

    def spec(self, codecs: Codecs) -> StoreSpec:
        """The store as a topology has it."""
        return StoreSpec(
            self.name,
            self.kind,
            codecs.own_key(self.key, f"key of store {self.name!r}"),
            codecs.own_value(self.value, f"value of store {self.name!r}"),
            changelog=self.logging,
            changelog_config=self.logging_config,
        )


class Stores:
    """Makes store builders, under Kafka Streams' names."""

    @staticmethod
    def key_value_store(
        name: str,
        *,
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
    ) -> StoreBuilder:
        """A value for each key. Without types: whatever JSON gives back as it was."""
        return StoreBuilder(
            name, StoreKind.KEY_VALUE, Serde(key_type, key_serializer), Serde(value_type, value_serializer)
        )
