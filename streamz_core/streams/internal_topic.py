"""``InternalTopic``: a topic of the app's own between two parts of its graph.

Owns: its name.
Must not know: who writes and reads it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InternalTopic:
    """A topic of the app's own, through which rows are dealt out anew by their key.

    It is called ``{app id}-{name}-repartition``. ``partitions`` None: as many as the sources of the rows, or
    as what they are joined with.
    """

    name: str
    partitions: int | None = None

    def topic(self, app_id: str) -> str:
        """The topic's full name.

        >>> InternalTopic("by-page").topic("views")
        'views-by-page-repartition'
        """
        return f"{app_id}-{self.name}-repartition"
