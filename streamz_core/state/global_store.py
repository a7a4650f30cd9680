"""``GlobalStore``: a whole topic, by key, to be read by every task of a process.

Owns: which partition has a key, and the values that are decoded already.
Must not know: how the topic is read, tasks.

There is one store of bytes a partition, which stands at its own offset of the topic. Compiled where a compiler
is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.entry_account import EntryAccount
from streamz_core.state.store import StoreUndecodable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamz_core.state.store import Change, Codec, Store

_ABSENT: Final[Any] = object()


class GlobalStore:
    """Decoded keys and values over all partitions. For reading: what changes it is the topic alone."""

    def __init__(
        self,
        name: str,
        key_codec: Codec,
        value_codec: Codec,
        parts: Sequence[Store],
        *,
        budget: CacheBudget | None = None,
    ) -> None:
        """``parts`` are the stores of the partitions; values stay decoded as far as ``budget`` has room."""
        self.name: Final = name
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._parts = list(parts)
        self._account = EntryAccount(budget or CacheBudget(), self._evict)
        self._decoded: dict[Any, Any] = {}

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` where there is none."""
        value = self._decoded.get(key, _ABSENT)
        if value is _ABSENT:
            value = self._read(key)
        return default if value is None else value

    def __contains__(self, key: Any) -> bool:
        """Whether ``key`` has a value."""
        return self.get(key) is not None

    def items(self) -> Iterator[tuple[Any, Any]]:
        """All entries, one partition after the other, in the order of their encoded keys."""
        for part in self._parts:
            for code, raw in part.scan():
                yield self._checked(self._key_codec.decode([code])[0]), self._value(raw)

    def approximate_count(self) -> int:
        """About how many keys there are."""
        return sum(part.approximate_count() for part in self._parts)

    def apply(self, partition: int, changes: Sequence[Change], position: int) -> None:
        """Records of a partition, up to the offset ``position``; of one key the last one counts."""
        part = self._parts[partition]
        latest = dict(changes)
        part.write([(key, latest[key]) for key in sorted(latest)], position)
        # What was decoded may be another value now; what was looked for and not found may be there.
        for key in self._key_codec.decode(list(latest)):
            if type(key) is not DecodeFailure and self._decoded.pop(key, _ABSENT) is not _ABSENT:
                self._account.forget(None, key)

    def position(self, partition: int) -> int:
        """The next offset to apply of a partition."""
        return self._parts[partition].position()

    def _read(self, key: Any) -> Any:
        code = self._key_codec.encode(key)
        value, size_bytes = None, len(code or b"")
        if code is not None:
            for part in self._parts:
                raw = part.get(code)
                if raw is not None:
                    value = self._value(raw)
                    size_bytes += len(raw)
                    break
        self._decoded[key] = value
        self._account.loaded(None, key, value, size_bytes)
        return value

    def _evict(self, size_bytes: int) -> None:
        # First in, first out.
        gone: list[Any] = []
        for key in self._decoded:
            if size_bytes <= 0:
                break
            size_bytes -= self._account.forget(None, key)
            gone.append(key)
        for key in gone:
            del self._decoded[key]

    def _value(self, raw: bytes) -> Any:
        return self._checked(self._value_codec.decode([raw])[0])

    def _checked(self, value: Any) -> Any:
        if type(value) is DecodeFailure:
            raise StoreUndecodable(
                f"global table {self.name!r} holds a record that does not decode: {value.error}. Declare the "
                "type that the topic has"
            ) from value.error
        return value
