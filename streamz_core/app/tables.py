"""``Table``: a partitioned mapping that agents write and everyone may read.

Owns: where a table's reads and writes go: the partition of the task that holds the record in hand,
or, outside agents, all partitions of this process, to read.
Must not know: how stores keep, log and restore their contents.

A key lives in the partition of the record that wrote it. Records of one key therefore have to come
by one partition: the topic is keyed by it, or ``topic.group_by`` makes it so.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamz_core.app.current import CURRENT, Cursor, in_hand, needed
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.windowed_table import WindowWrapper
from streamz_core.app.windows import EVENT_TIME, AfterIdle, HoppingWindow, PerKey, TumblingWindow
from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec

if TYPE_CHECKING:
    from streamz_core.app.durations import Seconds
    from streamz_core.app.services import AppServices
    from streamz_core.app.windowed_table import OnLate, OnWindowClose
    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.state.cache import CachedStore
    from streamz_core.streams.processor import ProcessorContext

D = TypeVar("D")

_ABSENT: Final[Any] = object()


class Table(MutableMapping[Any, Any]):
    """A key-value table; made by ``app.Table(name, default=int)``. ``None`` is no value: setting it deletes.

    >>> def count(table, page):
    ...     table[page] += 1   # inside an agent; missing keys begin at default()
    """

    def __init__(
        self,
        app: AppServices,
        name: str,
        *,
        default: Callable[[], Any] | None = None,
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        partitions: int | None = None,
        on_window_close: OnWindowClose | None = None,
        help: str = "",  # noqa: A002 - Faust's name
    ) -> None:
        """Raises for a default that cannot be called and types nobody can read."""
        if default is not None and not callable(default):
            raise ImproperlyConfigured(
                f"table {name!r}: default must be a function without arguments (int, list, lambda: 0), "
                f"got {default!r}"
            )
        self.app: Final = app
        self.name: Final = name
        self.default: Final = default
        self.partitions: Final = partitions
        self.on_window_close: Final = on_window_close
        self.help: Final = help
        self.window: WindowWrapper | None = None
        self.key_codec: ColumnCodec[Any] = (
            StoredKeyCodec(f"key of table {name!r}")
            if key_type is None and key_serializer is None
            else app.serializers.codec(
                key_type, key_serializer, default="json", subject=f"key of table {name!r}"
            )
        )
        self.value_codec: ColumnCodec[Any] = (
            StoredValueCodec(f"value of table {name!r}")
            if value_type is None and value_serializer is None
            else app.serializers.codec(
                value_type, value_serializer, default="json", subject=f"value of table {name!r}"
            )
        )

    def tumbling(
        self,
        size: Seconds,
        expires: Seconds | None = None,
        key_index: bool = False,
        *,
        grace: Seconds | None = None,
        close: str | AfterIdle | PerKey = EVENT_TIME,
        on_late: OnLate | None = None,
    ) -> WindowWrapper:
        """This table by windows of ``size``, one after the other; see ``TumblingWindow``.

        ``on_late`` is called with the event of every record that comes too late, or is the topic it
        goes to; such records are counted either way.
        """
        return self.using_window(
            TumblingWindow(size, expires, grace=grace, close=close), key_index=key_index, on_late=on_late
        )

    def hopping(
        self,
        size: Seconds,
        step: Seconds,
        expires: Seconds | None = None,
        key_index: bool = False,
        *,
        grace: Seconds | None = None,
        close: str | AfterIdle | PerKey = EVENT_TIME,
        on_late: OnLate | None = None,
    ) -> WindowWrapper:
        """This table by windows of ``size`` that start every ``step``; see ``HoppingWindow``."""
        return self.using_window(
            HoppingWindow(size, step, expires, grace=grace, close=close), key_index=key_index, on_late=on_late
        )

    def using_window(
        self, window: HoppingWindow, *, key_index: bool = False, on_late: OnLate | None = None
    ) -> WindowWrapper:
        """This table by ``window``. Keys can always be listed: ``key_index`` is taken and not needed."""
        del key_index
        if self.window is not None:
            raise ImproperlyConfigured(f"table {self.name!r} has a window already; declare a second table")
        self.window = WindowWrapper(
            self.app,
            self.name,
            window,
            default=self.default,
            on_window_close=self.on_window_close,
            on_late=on_late,
        )
        return self.window

    def __getitem__(self, key: Any) -> Any:
        """The value of ``key``, or ``default()``; raises KeyError where there is neither."""
        value = self.get(key, _ABSENT)
        if value is not _ABSENT:
            return value
        if self.default is None:
            raise KeyError(key)
        return self.default()

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set ``key`` in the partition of the record in hand."""
        self._writable().put(key, value)

    def __delitem__(self, key: Any) -> None:
        """Remove ``key``; raises KeyError where it is not."""
        store = self._writable()
        if key not in store:
            raise KeyError(key)
        store.delete(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` (the table's own default plays no part)."""
        cursor = in_hand()
        if cursor is not None:
            store = cursor.stores.get(self.name) or self._open(cursor)
            return store.get(key, default)
        for context in self.app.contexts_for_key(self.name, self.key_codec.encode(key)):
            value = context.store(self._plain_name()).get(key, _ABSENT)
            if value is not _ABSENT:
                return value
        return default

    def __contains__(self, key: object) -> bool:
        """Whether ``key`` has a value."""
        return self.get(key, _ABSENT) is not _ABSENT

    def __iter__(self) -> Iterator[Any]:
        """The keys."""
        return (key for key, _ in self._entries())

    def __len__(self) -> int:
        """How many keys there are; walks all of them."""
        return sum(1 for _ in self._entries())

    def keys(self) -> KeysView[Any]:
        """The keys: of this task inside agents, of all partitions of this process elsewhere."""
        return KeysView(self)

    def values(self) -> ValuesView[Any]:
        """The values, in the order of the keys."""
        return ValuesView(self)

    def items(self) -> ItemsView[Any, Any]:
        """Pairs of key and value: of this task inside agents, of all partitions of this process elsewhere."""
        return _Items(self)

    def info(self) -> dict[str, Any]:
        """What the command line shows of the table."""
        return {"name": self.name, "help": self.help, "windowed": self.window is not None}

    def _entries(self) -> Iterator[tuple[Any, Any]]:
        cursor = in_hand()
        if cursor is not None:
            return (cursor.stores.get(self.name) or self._open(cursor)).items()
        contexts: list[ProcessorContext] = self.app.contexts(self.name)
        name = self._plain_name()
        return (entry for context in contexts for entry in context.store(name).items())

    def _writable(self) -> CachedStore:
        cursor = CURRENT.get(None)
        if cursor is None or cursor.index < 0:
            cursor = needed(f"writing to table {self.name!r}")
        return cursor.stores.get(self.name) or self._open(cursor)

    def _open(self, cursor: Cursor) -> CachedStore:
        self.app.check_partitions(self.name, cursor)
        store = cursor.context.store(self._plain_name())
        cursor.stores[self.name] = store
        return store

    def _plain_name(self) -> str:
        if self.window is not None:
            raise ImproperlyConfigured(
                f"table {self.name!r} is windowed: use what .tumbling(…) or .hopping(…) returned"
            )
        return self.name

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"<Table {self.name}>"


class _Items(ItemsView[Any, Any]):
    """One walk over the stores instead of a look-up for every key."""

    _mapping: Table

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self._mapping._entries()  # noqa: SLF001 - its own view
