"""``EntryAccount``: what the entries of one cache take in memory, without looking at each of them.

Owns: each entry's encoded size, the memory that an encoded byte stands for, and the charge to the budget.
Must not know: how the cache keeps its entries, which of them may go.

Encoding and decoding tell an entry's encoded size for nothing. How much memory that means depends on what it
decodes to (a JSON object takes 3 to 10 times its text, a text little more than itself), so a few entries of every
commit, and one load of 64, are measured object by object, and the rest is taken to be like them. Entries that have
changed since the last commit are charged like the average entry or like the newest, whichever is larger, on top.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from streamz_core.state.memory_size import memory_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.store import Change

ENTRY_BYTES: Final = 200
"""An entry's places in the dicts of its cache and of its account: 120 to 240 as these grow."""
UNIT_BYTES: Final = 64
"""Encoded sizes are kept in units of so much: small integers, which Python has ready and does not allocate."""
UNIT_MEMORY_BYTES: Final = 256
"""What a unit is taken to need in memory until the first entry was measured."""
SAMPLES: Final = 4
LOADS_PER_SAMPLE: Final = 64
SAMPLED_UNITS_MAX: Final = 4_096
"""Then what was measured long ago begins to count less."""


class EntryAccount:
    """The account of one cache; the cache tells it what is loaded, changed, and let go.

    Entries are told apart by a group (a window, where there are such) and a key.
    """

    def __init__(self, budget: CacheBudget, evict: Callable[[int], None]) -> None:
        """``evict`` lets go of about so many bytes of entries, calling ``forget`` for each."""
        self.budget: Final = budget
        self.evict: Final = evict
        self.held_bytes = 0
        self.dirty_bytes = 0
        self._units: dict[Any, dict[Any, int]] = {}
        self._entries = 0
        self._total_units = 0
        self._sampled_units = 1.0
        self._sampled_bytes = float(UNIT_MEMORY_BYTES)
        self._is_sampled = False
        self._newest_bytes = 0.0
        self._loads = 0
        budget.join(self)

    def loaded(self, group: Any, key: Any, value: Any, encoded_bytes: int) -> None:
        """An entry came from the store. May evict others, or the same."""
        units = _units(encoded_bytes)
        if self._loads % LOADS_PER_SAMPLE == 0:
            self._sample(key, value, units)
        self._loads += 1
        self._enter(group, key, units)
        self._charge(self._memory_bytes(1, units))
        if self.budget.wants_room:
            self.budget.make_room()

    def changed(
        self, group: Any, keys: Iterable[Any], changes: Sequence[Change], values: Iterable[Any]
    ) -> None:
        """Entries were encoded: ``changes`` and ``values`` are those of ``keys``, in their order.

        Of ``values`` no more than a few are taken.
        """
        kept = self._units.setdefault(group, {})
        before, total = len(kept), self._total_units
        for key, (code, encoded) in zip(keys, changes, strict=True):
            units = 1 + (len(code) + (0 if encoded is None else len(encoded))) // UNIT_BYTES
            total += units - kept.get(key, 0)
            kept[key] = units
        self._entries += len(kept) - before
        self._total_units = total
        for key, value in islice(zip(keys, values, strict=False), SAMPLES):
            self._sample(key, value, kept[key])

    def has(self, group: Any, key: Any) -> bool:
        """Whether it has an account of an entry."""
        return key in self._units.get(group, ())

    def entries(self, group: Any) -> list[Any]:
        """The keys of a group, in the order in which they came."""
        return list(self._units.get(group, ()))

    def forget(self, group: Any, key: Any) -> int:
        """An entry is no longer in memory; the bytes that are free now."""
        units = self._units[group].pop(key)
        self._entries -= 1
        self._total_units -= units
        freed = self._memory_bytes(1, units)
        self._charge(-freed)
        return freed

    def forget_group(self, group: Any) -> None:
        """None of a group's entries is in memory any more; what is free now shows with ``settle``."""
        gone = self._units.pop(group, {})
        self._entries -= len(gone)
        self._total_units -= sum(gone.values())

    def forget_all(self) -> None:
        """No entry is in memory any more."""
        self._units = {}
        self._entries = self._total_units = self.dirty_bytes = 0
        self._charge(-self.held_bytes)

    def settle(self, dirty: int, newest: Any = None) -> None:
        """``dirty`` entries have changed and are not encoded yet; ``newest`` is the value of the latest of them."""
        held = self._memory_bytes(self._entries, self._total_units)
        self.dirty_bytes = 0
        if dirty:
            self._newest_bytes += (memory_size(newest) - self._newest_bytes) / 4
            average = held / self._entries if self._entries else 0.0
            self.dirty_bytes = dirty * int(max(average, ENTRY_BYTES + self._newest_bytes))
        self._charge(held + self.dirty_bytes - self.held_bytes)

    def close(self) -> None:
        """The cache ends; the budget has its part back."""
        self.budget.leave(self)

    def _enter(self, group: Any, key: Any, units: int) -> None:
        kept = self._units.setdefault(group, {})
        known = kept.get(key, 0)
        self._entries += not known
        self._total_units += units - known
        kept[key] = units

    def _charge(self, size_bytes: int) -> None:
        self.held_bytes += size_bytes
        self.budget.charge(size_bytes)

    def _memory_bytes(self, entries: int, units: int) -> int:
        return entries * ENTRY_BYTES + int(units * self._sampled_bytes / self._sampled_units)

    def _sample(self, key: Any, value: Any, units: int) -> None:
        if not self._is_sampled:
            self._is_sampled = True
            self._sampled_units = self._sampled_bytes = 0.0
        elif self._sampled_units > SAMPLED_UNITS_MAX:
            self._sampled_units /= 2
            self._sampled_bytes /= 2
        self._sampled_units += units
        self._sampled_bytes += memory_size(key) + memory_size(value)


def _units(encoded_bytes: int) -> int:
    return 1 + encoded_bytes // UNIT_BYTES
