"""``StreamNode``: a node of a graph whose rows are a stream.

Owns: what is known of the rows, and adding the node behind this one.
Must not know: which operations there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from streamz_core.streams.dsl.options import Named
from streamz_core.streams.dsl.serde import UNKNOWN, Serde
from streamz_core.streams.graph import Input

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")


class StreamNode(Generic[K, V]):
    """What all words of a stream build upon."""

    def __init__(
        self,
        graph: GraphBuilder,
        node: str,
        key: Serde = UNKNOWN,
        value: Serde = UNKNOWN,
        *,
        is_rekeyed: bool = False,
    ) -> None:
        """Made by ``StreamsBuilder`` and by other streams."""
        self.graph: Final = graph
        self.node: Final = node
        self.key: Final = key
        self.value: Final = value
        self.is_rekeyed: Final = is_rekeyed
        """Whether keys changed since the records came from a topic: they may be in the wrong partition."""

    def _name(self, kind: str, named: Named | str | None) -> str:
        return self.graph.step(kind, named)

    def _stream_itself(self) -> KStream[K, V]:
        from streamz_core.streams.dsl.kstream import KStream

        assert isinstance(self, KStream)
        return self

    def _then(
        self,
        name: str,
        make: Callable[[], Operator],
        key: Serde | None = None,
        value: Serde | None = None,
        *,
        rekeyed: bool = False,
        fans_out: bool = False,
    ) -> KStream[Any, Any]:
        from streamz_core.streams.dsl.kstream import KStream

        self.graph.add(name, (Input(self.node),), make, fans_out=fans_out)
        return KStream(
            self.graph,
            name,
            self.key if key is None else key,
            self.value if value is None else value,
            is_rekeyed=rekeyed or self.is_rekeyed,
        )
