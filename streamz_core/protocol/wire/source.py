"""Python functions written line by line, for what is too hot to be interpreted field by field.

Owns: ``Source``: indented lines, the names of variables and of the objects they use, and their compilation.
Must not know: what the functions do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import Struct
from typing import Any


class Source:
    """One function in the making."""

    def __init__(self, head: str) -> None:
        """``head`` is its ``def`` line."""
        self._lines = [head]
        self._indent = 1
        self._names = 0
        self._uses: dict[str, Any] = {}

    def line(self, text: str) -> None:
        """Write one line where the function has come to."""
        self._lines.append("    " * self._indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write ``head``; the lines written inside stand below it."""
        self.line(head)
        self._indent += 1
        yield
        self._indent -= 1

    def fresh(self, name: str) -> str:
        """A variable that is used nowhere else."""
        self._names += 1
        return f"{name}_{self._names}"

    def use(self, name: str, value: Any) -> str:
        """What the function calls ``value``; each name has one value."""
        assert self._uses.setdefault(name, value) == value, f"two values for {name}"
        return name

    def struct(self, formats: str, method: str) -> str:
        """What the function calls ``method`` of the big-endian ``struct`` of ``formats``."""
        name = f"{method}_{formats.replace('?', 'o')}"
        return self.use(name, getattr(Struct(f">{formats}"), method)) if name not in self._uses else name

    def function(self, name: str, called: str) -> Callable[..., Any]:
        """Compile it: all it consists of are this package's tables. ``called`` is what a traceback says."""
        scope = dict(self._uses)
        exec(compile("\n".join(self._lines), f"<{called}>", "exec"), scope)  # noqa: S102 - see above
        made: Callable[..., Any] = scope[name]
        return made
