"""``SetStore``: for each key a set of members.

Owns: how sets lie in a store: an entry per member, so that adding one to a large set writes one.
Must not know: changelog topics, tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.serde.composed import compose, parts, prefix
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache import CachedStore
from streamz_core.state.store import prefix_end

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.entry_account import EntryAccount
    from streamz_core.state.store import Change, Codec, Store

_PRESENT: Final = True


class SetStore:
    """One partition of a store of sets. A set without members is not there."""

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        member_codec: Codec,
        *,
        budget: CacheBudget | None = None,
    ) -> None:
        """Keys and members are compared as Python compares them, so equal ones must encode equally."""
        self._cache = CachedStore(store, PairCodec(key_codec, member_codec), _PresenceCodec(), budget=budget)
        self._key_codec = key_codec

    @property
    def name(self) -> str:
        """The store's name."""
        return self._cache.name

    @property
    def dirty_records(self) -> int:
        """How many members changed since the last ``collect``."""
        return self._cache.dirty_records

    def add(self, key: Hashable, member: Hashable) -> bool:
        """Put ``member`` into the set of ``key``; whether it was not in it."""
        if member is None:
            raise Misuse(f"store {self.name!r}: None is no member of a set")
        if (key, member) in self._cache:
            return False
        self._cache.put((key, member), _PRESENT)
        return True

    def update(self, key: Hashable, members: Iterable[Hashable]) -> None:
        """Put all of them into the set of ``key``."""
        for member in members:
            self.add(key, member)

    def discard_member(self, key: Hashable, member: Hashable) -> bool:
        """Take ``member`` out of the set of ``key``; whether it was in it."""
        if (key, member) not in self._cache:
            return False
        self._cache.delete((key, member))
        return True

    def contains(self, key: Hashable, member: Hashable) -> bool:
        """Whether ``member`` is in the set of ``key``."""
        return (key, member) in self._cache

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The set of ``key``, or ``default`` where it has no members."""
        return set(self.members(key)) or default

    def members(self, key: Hashable) -> Iterator[Any]:
        """The members of the set of ``key``, in the order of their bytes."""
        start = prefix(self._encode_key(key))
        return (member for (_, member), _ in self._cache.scan(start, prefix_end(start)))

    def delete(self, key: Hashable) -> None:
        """Take all members out of the set of ``key``."""
        for member in list(self.members(key)):
            self._cache.delete((key, member))

    def __contains__(self, key: Hashable) -> bool:
        """Whether the set of ``key`` has members."""
        return next(self.members(key), _Nothing) is not _Nothing

    def items(
        self, start: Any = None, stop: Any = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, set[Any]]]:
        """Sets that have members, in the order of their encoded keys, from ``start`` to before ``stop``."""
        lower = b"" if start is None else prefix(self._encode_key(start))
        upper = None if stop is None else prefix(self._encode_key(stop))
        current: Any = _Nothing
        members: set[Any] = set()
        for (key, member), _ in self._cache.scan(lower, upper, reverse=reverse):
            if current is not _Nothing and key != current:
                yield current, members
                members = set()
            current = key
            members.add(member)
        if current is not _Nothing:
            yield current, members

    def approximate_count(self) -> int:
        """About how many members there are, of all sets together."""
        return self._cache.approximate_count()

    def position(self) -> int:
        """The changelog position of the store behind the cache."""
        return self._cache.position()

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key: the changelog's records."""
        return self._cache.collect()

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""
        self._cache.committed(position)

    @property
    def account(self) -> EntryAccount:
        """What the cache holds of the memory budget."""
        return self._cache.account

    def settle(self) -> None:
        """Tell the budget what is held now."""
        self._cache.settle()

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        self._cache.discard()

    def _encode_key(self, key: Any) -> bytes:
        return parts(self._cache.encode_key((key, None)))[0]


class _Nothing:
    """No key, and no member."""


class PairCodec:
    """A key and a member, as one key."""

    def __init__(self, keys: Codec, members: Codec) -> None:
        """The member None is none: such a pair is what all pairs of its key begin with."""
        self._keys = keys
        self._members = members

    def encode(self, value: tuple[Any, Any]) -> bytes | None:
        """The key, then the member."""
        key = self._keys.encode(value[0])
        member = b"" if value[1] is None else self._members.encode(value[1])
        return None if key is None or member is None else compose(key, member)

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        """Pairs; what does not decode becomes a ``DecodeFailure`` at its place."""
        return [None if data is None else self._pair(data) for data in column]

    def _pair(self, data: bytes) -> Any:
        first, second = parts(data)
        key, member = self._keys.decode([first])[0], self._members.decode([second])[0]
        return next((part for part in (key, member) if type(part) is DecodeFailure), (key, member))


class _PresenceCodec:
    """That a member is there."""

    def encode(self, value: Any) -> bytes | None:
        return None if value is None else b""

    def decode(self, column: Sequence[bytes | None]) -> list[Any]:
        return [None if data is None else _PRESENT for data in column]
