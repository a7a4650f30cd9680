"""Tables as Kafka's tools print them.

Owns: column widths and the sign for what is not known.
Must not know: what is in a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest cell, ``-`` for what is not known.

    >>> print(table(["GROUP", "LAG"], [["readers", 0], ["g", None]]))
    GROUP   LAG
    readers 0
    g       -
    """
    cells = [list(titles), *[["-" if cell in (None, "") else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    return "\n".join(
        " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
