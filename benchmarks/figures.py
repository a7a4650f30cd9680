"""What a benchmark found, and the table it is shown in.

Owns: ``Figure``, its ratio and whether it is enough, the aligned table, the JSON.
Must not know: how anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

COLUMNS = ("what", "ours", "reference", "ratio", "by CPU", "target", "ok?")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row.

    A rate (``ours`` and ``reference`` in the same unit, per second) is enough at ``at_least`` of the reference.
    A limit (a time or a size) is enough at ``at_most``; its reference is only there to be compared with.
    """

    what: str
    ours: float
    reference: float | None
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    cpu_ratio: float | None = None
    """The same ratio by the CPU time of the process: what counts where others use the machine too."""

    note: str = ""
    """Said in place of ours where there is nothing to compare."""

    @property
    def ratio(self) -> float | None:
        """Ours over the reference."""
        return self.ours / self.reference if self.reference else None

    @property
    def is_enough(self) -> bool:
        """Whether the target is reached; by wall-clock time."""
        if self.at_most is not None:
            return self.ours <= self.at_most
        return self.at_least is None or (self.ratio or 0.0) >= self.at_least

    @property
    def target(self) -> str:
        """The target as the table shows it."""
        if self.at_most is not None:
            return f"<= {_number(self.at_most)} {self.unit}"
        return "" if self.at_least is None else f">= {self.at_least:.2f}"

    def cells(self) -> tuple[str, ...]:
        """The row's texts, in the order of ``COLUMNS``."""
        return (
            self.what,
            self.note or f"{_number(self.ours)} {self.unit}",
            "" if self.reference is None else f"{_number(self.reference)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.cpu_ratio is None else f"{self.cpu_ratio:.2f}",
            self.target,
            "yes" if self.is_enough else "NO",
        )


def table(figures: Iterable[Figure]) -> str:
    """The figures as aligned text."""
    rows = [COLUMNS, *(figure.cells() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *rest = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join((first, *rest)).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def as_json(figures: Iterable[Figure]) -> str:
    """The figures as a JSON list."""
    rows = [
        {**asdict(figure), "ratio": figure.ratio, "target": figure.target, "ok": figure.is_enough}
        for figure in figures
    ]
    return json.dumps(rows, indent=2)


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
