"""``TableView``: looking up the current value of a table's key.

Owns: the way from a store to the value of a table that follows from it by filters and mappings.
Must not know: joins, who looks.

A table without a store of its own is looked up in the store it follows from. Compiled where a compiler is at
hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    ) -> None:
        """``store`` keeps stamped values; ``transforms`` are applied one after the other.

        ``reader`` gives what has ``get(key)``, where the store itself has not.
        """
        self.store_name = store
        self.transforms = transforms
        self.reader = reader

    def then(self, transform: Transform) -> TableView:
        """The table that follows from this one."""
        return TableView(self.store_name, (*self.transforms, transform), self.reader)

    def open(self, context: OperatorContext) -> Lookup:
        """For one task."""
        reader = context.store(self.store_name) if self.reader is None else self.reader(context)
        return Lookup(reader, self.transforms)


class Lookup:
    """A table view in one task."""

    def __init__(self, store: Any, transforms: tuple[Transform, ...]) -> None:
        """``store`` is the task's partition."""
        self._get = store.get
        self._transforms = transforms

    def get(self, key: Any) -> Any:
        """The value of ``key`` and its time, or None."""
        stamped = self._get(key)
        if stamped is None or not self._transforms:
            return stamped
        value = stamped[0]
        for transform in self._transforms:
            value = transform(key, value)
            if value is None:
                return None
        return (value, stamped[1])
