"""``ProcessingWords``: the words of a stream that lead to the processor API.

Owns: ``process``, ``process_values`` and ``transform_values``: the steps they add, with their stores.
Must not know: how processors work, other words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Named
from streamz_core.streams.dsl.processing import (
    FixedKeyProcessor,
    Processor,
    ProcessorContext,
    TransformerProcessor,
    processor_maker,
    stores_of,
)
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.stores import Stores
from streamz_core.streams.dsl.stream_node import StreamNode
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.process import Process

if TYPE_CHECKING:
    from streamz_core.streams.dsl.kstream import KStream

K = TypeVar("K")
V = TypeVar("V")


class ProcessingWords(StreamNode[K, V]):
    """A part of ``KStream``."""

    def process(
        self,
        supplier: Any,
        *stores: str,
        named: Named | str | None = None,
        timers: str | None = None,
        key_type: Any = None,
        value_type: Any = None,
    ) -> KStream[Any, Any]:
        """Hand each record to a processor, with the ``stores`` named; what it forwards goes on.

        ``supplier`` is a ``Processor`` class, something that makes one, or a function of a record that returns
        or yields records. ``timers`` names a store for timers that go on after a restart. Keys may change:
        grouping and joining deal the records out anew.
        """
        node = self._process("KSTREAM-PROCESSOR", supplier, stores, named, timers, Processor)
        return self._stream(node, Serde(key_type), Serde(value_type), is_rekeyed=True)

    def process_values(
        self,
        supplier: Any,
        *stores: str,
        named: Named | str | None = None,
        timers: str | None = None,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """The same with a ``FixedKeyProcessor``: keys stay as they are, which is checked."""
        node = self._process("KSTREAM-PROCESSVALUES", supplier, stores, named, timers, FixedKeyProcessor)
        return self._stream(node, self.key, Serde(value_type), is_rekeyed=self.is_rekeyed)

    def transform_values(
        self,
        supplier: Any,
        *stores: str,
        named: Named | str | None = None,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """Each value replaced by what a ``ValueTransformer`` (or one ``WithKey``) makes of it, with stores."""
        name = self.graph.step("KSTREAM-TRANSFORMVALUES", named)
        make = processor_maker(supplier, "transform_values()")
        connected = self._connect(supplier, stores, None)
        names = [use.store for use in connected]
        self.graph.add(
            name,
            (Input(self.node),),
            lambda: Process(name, TransformerProcessor(make()), ProcessorContext, names, fixed_key=True),
            connected,
        )
        return self._stream(name, self.key, Serde(value_type), is_rekeyed=self.is_rekeyed)

    def _process(
        self, kind: str, supplier: Any, stores: tuple[str, ...], named: Any, timers: str | None, base: type
    ) -> str:
        name = self.graph.step(kind, named)
        make = processor_maker(supplier, "process()")
        fixed_key = base is FixedKeyProcessor
        wrong = Processor if fixed_key else FixedKeyProcessor
        if isinstance(supplier, type) and issubclass(supplier, wrong):
            word = "process" if fixed_key else "process_values"
            raise Misuse(
                f"step {name!r}: {supplier.__name__} is a {wrong.__name__}; it belongs into {word}()"
            )
        connected = self._connect(supplier, stores, timers)
        names = [use.store for use in connected]
        return self.graph.add(
            name,
            (Input(self.node),),
            lambda: Process(name, make(), ProcessorContext, names, timers, fixed_key=fixed_key),
            connected,
            fans_out=True,
            routes=True,
        )

    def _connect(self, supplier: Any, stores: tuple[str, ...], timers: str | None) -> list[StoreUse]:
        brought = [self.graph.add_store(store) for store in stores_of(supplier)]
        if timers is not None:
            brought.append(self.graph.add_store(Stores.key_value_store(timers, key_type=str)))
        return [StoreUse(name, writes=True) for name in dict.fromkeys((*stores, *brought))]

    def _stream(self, node: str, key: Serde, value: Serde, *, is_rekeyed: bool) -> KStream[Any, Any]:
        from streamz_core.streams.dsl.kstream import KStream

        return KStream(self.graph, node, key, value, is_rekeyed=is_rekeyed)
