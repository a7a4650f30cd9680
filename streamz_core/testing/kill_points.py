"""Where a process can be killed, and what it leaves: the states of a broker's files during one run of an app.

Owns: ``KillPoint``, and noting one whenever the files have changed.
Must not know: what is made of them.

The process that is killed has the app and the log in it. What it does between two changes of its files leaves
nothing behind: to be killed there is to be killed at the change before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamz_core.state import rocksdb

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from streamz_core.testing.disk_tree import Tree
    from streamz_core.testing.memory_broker import MemoryBroker


@dataclass(frozen=True, slots=True)
class KillPoint:
    """What a process leaves that is killed here."""

    where: str
    """In words."""
    image: Tree
    """The log's files."""
    now_ms: int
    """The wall clock."""
    state: str | None = None
    """The directory with the stores as they were flushed at this moment."""

    def forget(self) -> None:
        """Delete its directory."""
        if self.state is not None:
            rocksdb.discard(self.state)


class KillPoints:
    """Those of one run: all of them, or as many as are wanted, drawn by chance."""

    def __init__(
        self, random: Random, points_max: int, *, power_cuts: bool, copy_state: Callable[[int], str | None]
    ) -> None:
        """``copy_state`` copies what stores there are on disk, for the point of a number; None without any."""
        self.points: Final[list[KillPoint]] = []
        self.count = 0
        self._random = random
        self._points_max = points_max
        self._power_cuts = power_cuts
        self._copy_state = copy_state
        self._broker: MemoryBroker | None = None
        self._seen: dict[bool, Tree] = {}

    def begin(self, broker: MemoryBroker) -> None:
        """Note the points of this broker's run, from now on."""
        self._broker = broker

    def end(self) -> None:
        """Note no more: the run is over."""
        self._broker = None

    def watch(self, request: Any, is_answered: bool) -> None:
        """A request comes, or has been answered."""
        if self._broker is None or self._points_max == 0:
            return
        when = "after" if is_answered else "before"
        name = type(request).__name__.removesuffix("Request")
        self._note("killed", f"{when} {name}", loses_power=False)
        if self._power_cuts:
            self._note("power cut", f"{when} {name}", loses_power=True)

    def _note(self, how: str, when: str, *, loses_power: bool) -> None:
        assert self._broker is not None
        image = self._broker.image(loses_power=loses_power)
        if image in self._seen.values():
            return
        self._seen[loses_power] = image
        place = self._place()
        if place is None:
            return
        where = f"{how} {when} (point {self.count})"
        point = KillPoint(where, image, self._broker.clock.now_ms(), self._copy_state(self.count))
        if place == len(self.points):
            self.points.append(point)
        else:
            self.points[place].forget()
            self.points[place] = point

    def _place(self) -> int | None:
        """Where the next point goes, that each has the same chance to be kept; None for nowhere."""
        self.count += 1
        if len(self.points) < self._points_max:
            return len(self.points)
        place = self._random.randrange(self.count)
        return place if place < self._points_max else None
