"""``TableView``: looking up the current value of a table's key.

Owns: the way from a store to the value of a table that follows from it by filters and mappings.
Must not know: joins, who looks.

A table without a store of its own is looked up in the store it follows from. Compiled where a compiler is at
hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.versioned import VersionedStore
from streamz_core.streams.operator import OperatorContext

Transform = Callable[[Any, Any], Any]
"""``(key, value)`` to a value, or to None: not in the table. Never called with the value None."""


class TableView:
    """A table as others look things up in it; a value, opened once per task."""

    def __init__(
        self,
        store: str,
        transforms: tuple[Transform, ...] = (),
        reader: Callable[[OperatorContext], Any] | None = None,
        beside: tuple[str, ...] = (),
    ) -> None:
        """``store`` keeps stamped values; ``transforms`` are applied one after the other.

        ``reader`` gives what has ``get(key)``, where the store itself has not; ``beside`` are the
        other stores that it reads.
        """
        self.stores: tuple[str, ...] = (store, *beside)
        self.transforms = transforms
        self.reader = reader

    def then(self, transform: Transform) -> TableView:
        """The table that follows from this one."""
        return TableView(self.stores[0], (*self.transforms, transform), self.reader, self.stores[1:])

    def open(self, context: OperatorContext) -> Lookup:
        """For one task."""
        reader = context.store(self.stores[0]) if self.reader is None else self.reader(context)
        return Lookup(reader, self.transforms)


class JoinedView(TableView):
    """A joined table without a store of its own: looked up in both that it is joined of."""

    def __init__(
        self,
        left: TableView,
        right: TableView,
        joiner: Callable[[Any, Any, Any], Any],
        *,
        needs_left: bool,
        needs_right: bool,
        transforms: tuple[Transform, ...] = (),
    ) -> None:
        """``joiner(key, left, right)``; ``needs_…``: nothing is there where that side has nothing."""
        super().__init__(left.stores[0], transforms, beside=(*left.stores[1:], *right.stores))
        self._left = left
        self._right = right
        self._joiner = joiner
        self._needs_left = needs_left
        self._needs_right = needs_right

    def then(self, transform: Transform) -> TableView:
        """The table that follows from this one."""
        return JoinedView(
            self._left,
            self._right,
            self._joiner,
            needs_left=self._needs_left,
            needs_right=self._needs_right,
            transforms=(*self.transforms, transform),
        )

    def open(self, context: OperatorContext) -> Lookup:
        """For one task."""
        both = _Both(
            self._left.open(context),
            self._right.open(context),
            self._joiner,
            needs_left=self._needs_left,
            needs_right=self._needs_right,
        )
        return Lookup(both, self.transforms)


class Lookup:
    """A table view in one task."""

    def __init__(self, store: Any, transforms: tuple[Transform, ...]) -> None:
        """``store`` is the task's partition, or anything that gives stamped values."""
        self._get = store.get
        self._transforms = transforms
        self._is_versioned = isinstance(store, VersionedStore)
        self._observe = store.observe if isinstance(store, ExpiringStore) else None

    def get(self, key: Any) -> Any:
        """The value of ``key`` and its time, or None."""
        return self._transformed(key, self._get(key))

    def at(self, key: Any, timestamp: int) -> Any:
        """The same for a row of this time: a versioned table tells what was valid then (KIP-914)."""
        if self._is_versioned:
            return self._transformed(key, self._get(key, timestamp))
        if self._observe is not None:
            self._observe(timestamp)
        return self._transformed(key, self._get(key))

    def _transformed(self, key: Any, stamped: Any) -> Any:
        if stamped is None or not self._transforms:
            return stamped
        value = stamped[0]
        for transform in self._transforms:
            value = transform(key, value)
            if value is None:
                return None
        return (value, stamped[1])


class _Both:
    """Two tables joined as they are now."""

    def __init__(
        self,
        left: Lookup,
        right: Lookup,
        joiner: Callable[[Any, Any, Any], Any],
        *,
        needs_left: bool,
        needs_right: bool,
    ) -> None:
        self._left = left
        self._right = right
        self._joiner = joiner
        self._needs_left = needs_left
        self._needs_right = needs_right

    def get(self, key: Any) -> Any:
        left, right = self._left.get(key), self._right.get(key)
        if (left is None and (self._needs_left or right is None)) or (right is None and self._needs_right):
            return None
        value = self._joiner(key, None if left is None else left[0], None if right is None else right[0])
        if value is None:
            return None
        times: list[int] = [stamped[1] for stamped in (left, right) if stamped is not None]
        return (value, max(times))
