"""``GlobalKTable``: a topic as a table of which every process has all.

Owns: what joins need to know of it.
Must not know: how it is read and kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from streamz_core.streams.dsl.serde import UNKNOWN, Serde

if TYPE_CHECKING:
    from streamz_core.streams.dsl.graph_builder import GraphBuilder

K = TypeVar("K")
V = TypeVar("V")


class GlobalKTable(Generic[K, V]):
    """Made by ``StreamsBuilder.global_table``. Streams are joined with it by any key they can name."""

    def __init__(
        self, graph: GraphBuilder, topic: str, store: str, key: Serde = UNKNOWN, value: Serde = UNKNOWN
    ) -> None:
        """``store`` is the name of the store that holds the whole topic."""
        self.graph: Final = graph
        self.node: Final = topic
        self.key: Final = key
        self.value: Final = value
        self.store: Final = store

    @property
    def queryable_store_name(self) -> str:
        """The name of its store."""
        return self.store
