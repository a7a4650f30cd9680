"""``TopologyDescription``: what a topology consists of, as a value that can be read, drawn and compared.

Owns: its parts, and their forms: Kafka Streams' text, Mermaid, JSON.
Must not know: what is described.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from streamz_core.errors import Misuse


class NodeKind(StrEnum):
    """What a node does."""

    SOURCE = "source"
    PROCESSOR = "processor"
    SINK = "sink"


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """A node: what it reads or writes, and who comes before and after it."""

    kind: NodeKind
    name: str
    topics: tuple[str, ...] = ()
    pattern: str | None = None
    """What a source reads in place of topics by name."""
    stores: tuple[str, ...] = ()
    predecessors: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubtopologyDescription:
    """What is run by one task. ``is_global``: read by every process instead, for a global table."""

    nodes: tuple[NodeDescription, ...]
    is_global: bool = False


@dataclass(frozen=True, slots=True)
class TopologyDescription:
    """All of a topology. ``str`` gives Kafka Streams' text."""

    subtopologies: tuple[SubtopologyDescription, ...]

    def __str__(self) -> str:
        """The form of Kafka Streams' ``Topology.describe()``."""
        text = "Topologies:\n "
        for number, part in enumerate(self.subtopologies):
            aside = " for global store (will not generate tasks)" if part.is_global else ""
            lines = [
                f"  Sub-topology: {number}{aside}",
                *(line for node in _in_order(part) for line in _text(node)),
            ]
            text += "\n".join(lines) + "\n\n"
        return text

    def mermaid(self) -> str:
        """A flow chart for Mermaid, with topics as rounded boxes and stores as cylinders."""
        lines = ["flowchart TD"]
        drawing = _Drawing(lines)
        for number, part in enumerate(self.subtopologies):
            lines.append(f'  subgraph sub{number}["Sub-topology {number}"]')
            for node in part.nodes:
                drawing.box(node.name, "[", "]")
            lines.append("  end")
        for part in self.subtopologies:
            for node in part.nodes:
                drawing.arrows(node)
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """The value as JSON: ``{"subtopologies": [{"nodes": [...]}]}``; sources may have a ``pattern``."""
        value = asdict(self, dict_factory=lambda pairs: {k: v for k, v in pairs if v is not None})
        return json.dumps(value, indent=2) + "\n"

    def in_format(self, name: str) -> str:
        """``text``, ``mermaid`` or ``json``. Raises ``Misuse`` for another."""
        forms = {"text": self.__str__, "mermaid": self.mermaid, "json": self.json}
        if name not in forms:
            raise Misuse(f"describe(): format must be one of {', '.join(forms)}; got {name!r}")
        return forms[name]()


def _in_order(part: SubtopologyDescription) -> list[NodeDescription]:
    """As Kafka Streams orders nodes, and what follows each: what most comes behind first, then by name."""
    found = {node.name: node for node in part.nodes}
    behind: dict[str, int] = {}
    for node in reversed(part.nodes):  # whoever comes behind stands behind
        behind[node.name] = 1 + sum(behind[after] for after in node.successors)

    def rank(name: str) -> tuple[int, str]:
        return -behind[name], name

    return [
        replace(found[name], successors=tuple(sorted(found[name].successors, key=rank)))
        for name in sorted(found, key=rank)
    ]


def _text(node: NodeDescription) -> list[str]:
    inside = {
        NodeKind.SOURCE: f"topics: {node.pattern or '[' + ', '.join(node.topics) + ']'}",
        NodeKind.PROCESSOR: f"stores: [{', '.join(node.stores)}]",
        NodeKind.SINK: f"topic: {', '.join(node.topics)}",
    }[node.kind]
    lines = [f"    {node.kind.capitalize()}: {node.name} ({inside})"]
    if node.kind is not NodeKind.SINK:
        lines.append(f"      --> {', '.join(node.successors) or 'none'}")
    if node.kind is not NodeKind.SOURCE:
        lines.append(f"      <-- {', '.join(node.predecessors) or 'none'}")
    return lines


class _Drawing:
    """The boxes drawn so far: Mermaid's ids must be plain, and each box drawn once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._ids: dict[str, str] = {}

    def box(self, name: str, left: str, right: str, kind: str = "node") -> str:
        key = f"{kind} {name}"
        if key not in self._ids:
            self._ids[key] = f"n{len(self._ids)}"
            label = name.replace('"', "#quot;")
            self._lines.append(f'    {self._ids[key]}{left}"{label}"{right}')
        return self._ids[key]

    def arrows(self, node: NodeDescription) -> None:
        me = self.box(node.name, "[", "]")
        read = node.topics if node.pattern is None else (node.pattern,)
        topics = [self.box(topic, "([", "])", "topic") for topic in read]
        is_source = node.kind is NodeKind.SOURCE
        self._lines += [f"  {topic} --> {me}" if is_source else f"  {me} --> {topic}" for topic in topics]
        self._lines += [f"  {me} --- {self.box(store, '[(', ')]', 'store')}" for store in node.stores]
        self._lines += [f"  {me} --> {self.box(after, '[', ']')}" for after in node.successors]
