"""How much memory a value takes, with all it refers to.

Owns: walking a value's objects, and guessing at the rest where there are very many.
Must not know: caches, budgets.
"""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final

OBJECTS_MAX: Final = 256
"""About so many objects are looked at (0.1 ms), the others taken to be like them."""
PARTS_MAX: Final = 16
"""So many parts of one object are: the first and the last ones."""

_SHARED: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
"""Objects that a value refers to and does not own."""


def memory_size(value: Any) -> int:
    """The bytes of ``value`` and of the objects it refers to; an estimate where these are many.

    >>> memory_size([1.0, 2.0]) == sys.getsizeof([1.0, 2.0]) + 2 * sys.getsizeof(1.0)
    True
    """
    return _size(value, OBJECTS_MAX)


def _size(value: Any, objects_max: int) -> int:
    if isinstance(value, _SHARED):
        return 0
    size = sys.getsizeof(value)
    parts = gc.get_referents(value)
    if not parts or not objects_max:
        return size
    count = len(parts)
    if count > PARTS_MAX:
        # Neighbours, not every n-th: a dict's parts are keys and values in turn.
        parts = parts[: PARTS_MAX // 2] + parts[-PARTS_MAX // 2 :]
    each = (objects_max - 1) // len(parts)
    return size + sum(_size(part, each) for part in parts) * count // len(parts)
