"""How an app creates a topic that is missing.

Owns: ``TopicOptions``.
Must not know: what is in the topic, who creates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """How the app creates a topic that is missing."""

    partitions: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    replicas: int | None = None

    @property
    def says_something(self) -> bool:
        """Whether anything but the defaults is asked for."""
        return self != _NO_OPTIONS


_NO_OPTIONS: Final = TopicOptions()
