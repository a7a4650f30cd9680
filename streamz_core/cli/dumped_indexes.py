"""The lines printed for the three kinds of index, and what in them does not fit their ``.log``.

Owns: the text of an entry, the comparison with the ``.log`` beside it.
Must not know: how indexes are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.log import checksummed, layout, offset_index, time_index, txn_index
from streamz_core.log.offset_index import OffsetIndex
from streamz_core.log.time_index import TimeIndex
from streamz_core.log.txn_index import TxnIndex
from streamz_core.protocol.record_batch import HEADER_BYTES, BatchHeader, CorruptBatch, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.log.files import Files

_ENTRY_BYTES: Final = {
    layout.INDEX_SUFFIX: offset_index.ENTRY_BYTES,
    layout.TIME_INDEX_SUFFIX: time_index.ENTRY_BYTES,
    layout.TXN_INDEX_SUFFIX: txn_index.ENTRY_BYTES,
}
_TXN_VERSION: Final = 0


def dump(
    files: Files, path: str, suffix: str, *, verifies_only: bool, checks_sanity: bool, wrong: list[str]
) -> Iterator[str]:
    """The lines of an index file; what does not fit is added to ``wrong``."""
    data = checksummed.read_file(files, path)
    if data is None:
        raise FileNotFoundError(f"there is no file {path}")
    base = path.rpartition("/")[2].partition(".")[0]
    base_offset = int(base) if base.isdecimal() else 0
    if checks_sanity:
        problem = _insane(data, suffix, base_offset)
        wrong += [f"{path} failed sanity check: {problem}"] if problem else []
        yield from [] if problem else [f"{path} passed sanity check."]
        return
    if suffix == layout.TXN_INDEX_SUFFIX:
        yield from _transactions(TxnIndex(data), verifies_only=verifies_only)
        return
    batches = _LogBeside(files, path.removesuffix(suffix) + layout.LOG_SUFFIX)
    if suffix == layout.INDEX_SUFFIX:
        yield from _offsets(path, OffsetIndex(base_offset, data), batches, verifies_only, wrong)
    else:
        yield from _times(path, TimeIndex(base_offset, data), batches, verifies_only, wrong)


class _LogBeside:
    """The ``.log`` that an index is of; it need not be there."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._timestamps: dict[int, int] | None = None

    def header(self, position: int) -> BatchHeader | None:
        """The batch at ``position``, if there is one."""
        file = self._files.open(self._path, read_only=True)
        try:
            return read_header(file.read_at(position, HEADER_BYTES))
        except CorruptBatch:
            return None
        finally:
            file.close()

    def exists(self) -> bool:
        """Whether there is anything to compare with."""
        return self._files.exists(self._path)

    def timestamps(self) -> dict[int, int]:
        """Last offset -> largest timestamp of every batch that can be walked to."""
        if self._timestamps is None:
            self._timestamps = {}
            position, size = 0, self._files.size_of(self._path)
            while position < size:
                header = self.header(position)
                if header is None:
                    break
                self._timestamps[header.last_offset] = header.max_timestamp
                position += header.size_bytes
        return self._timestamps


def _offsets(
    path: str, index: OffsetIndex, batches: _LogBeside, verifies_only: bool, wrong: list[str]
) -> Iterator[str]:
    mismatches = []
    for number in range(len(index)):
        entry = index.entry(number)
        if not verifies_only:
            yield f"offset: {entry.offset} position: {entry.position}"
        header = batches.header(entry.position) if batches.exists() else None
        if batches.exists() and (header is None or header.last_offset != entry.offset):
            found = "none" if header is None else header.last_offset
            mismatches.append(f"  Index offset: {entry.offset}, log offset: {found}")
    wrong += [f"Mismatches in :{path}", *mismatches] if mismatches else []


def _times(
    path: str, index: TimeIndex, batches: _LogBeside, verifies_only: bool, wrong: list[str]
) -> Iterator[str]:
    mismatches, unordered, missing = [], [], []
    known = batches.timestamps() if batches.exists() else None
    previous = -1
    for number in range(len(index)):
        entry = index.entry(number)
        if not verifies_only:
            yield f"timestamp: {entry.timestamp} offset: {entry.offset}"
        if entry.timestamp < previous:
            text = f"  Index timestamp: {entry.timestamp}, Previously indexed timestamp: {previous}"
            unordered.append(text)
        previous = entry.timestamp
        if known is None:
            continue
        if entry.offset not in known:
            missing.append(f"  Indexed offset: {entry.offset}, found log offset: -1")
        elif known[entry.offset] != entry.timestamp:
            found = known[entry.offset]
            mismatches.append(f"  Index timestamp: {entry.timestamp}, log timestamp: {found}")
    wrong += [f"Found timestamp mismatch in :{path}", *mismatches] if mismatches else []
    wrong += [f"Found out of order timestamp in :{path}", *unordered] if unordered else []
    wrong += (
        [f"The following indexed offsets are not found in the log, in :{path}", *missing] if missing else []
    )


def _transactions(index: TxnIndex, *, verifies_only: bool) -> Iterator[str]:
    for number in range(len(index)):
        entry = index.entry(number)
        if not verifies_only:
            yield (
                f"version: {_TXN_VERSION} producerId: {entry.producer_id} firstOffset: {entry.first_offset} "
                f"lastOffset: {entry.last_offset} lastStableOffset: {entry.last_stable_offset}"
            )


def _insane(data: bytes, suffix: str, base_offset: int) -> str:
    """Why the bytes cannot be an index; empty if they can."""
    size = _ENTRY_BYTES[suffix]
    if len(data) % size:
        return f"{len(data)} bytes are no multiple of {size}"
    if suffix == layout.INDEX_SUFFIX:
        offsets = [
            entry.offset for entry in map(OffsetIndex(base_offset, data).entry, range(len(data) // size))
        ]
    elif suffix == layout.TIME_INDEX_SUFFIX:
        offsets = [
            entry.timestamp for entry in map(TimeIndex(base_offset, data).entry, range(len(data) // size))
        ]
    else:
        offsets = [entry.last_offset for entry in map(TxnIndex(data).entry, range(len(data) // size))]
    return "" if offsets == sorted(offsets) else "its entries are not in order"
