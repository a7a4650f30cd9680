"""What a message looks like on the wire, as a value.

Owns: ``Form``: one message's table and, where a version's form is not our message's, the functions between the two.
Must not know: how a table is read, or what it becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """One side (request or response) of one API.

    ``wire`` is the class whose attributes are the rows of ``table``, the message itself unless it is told;
    ``from_wire(version, value of wire)`` makes our message of it and ``to_wire(version, message)`` the opposite.
    """

    message: type
    table: str
    wire: type | None = None
    from_wire: Callable[[int, Any], Any] | None = None
    to_wire: Callable[[int, Any], Any] | None = None

    @property
    def wire_class(self) -> type:
        """What the table's rows are the attributes of."""
        return self.wire or self.message
