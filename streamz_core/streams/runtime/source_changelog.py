"""``SourceChangelog``: a table's topic as the changelog of its store.

Owns: what a store's entries look like, made of the records of the topic the table reads.
Must not know: tasks, how records are fetched.

The topic has everything a changelog would: a second copy is saved. It is read up to the committed input
offset, not further: what comes behind has still to be processed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamz_core.model import TopicPartition
from streamz_core.serde.codecs import RawCodec, TextCodec
from streamz_core.serde.failure import DecodeFailure
from streamz_core.serde.stamped import stamped
from streamz_core.state.restore import RestoreSource
from streamz_core.streams.error_policy import ErrorAction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.state.restore import FetchedColumns
    from streamz_core.streams.topology import SourceSpec, StoreSpec, Topology

_WRITTEN_ONE_WAY: Final = (RawCodec, TextCodec)
"""Codecs with one form for each key: others may have written it with more spaces."""


@dataclass(frozen=True, slots=True)
class SourceChangelog:
    """One store, restored from partitions of the topic that ``source`` reads."""

    store: StoreSpec
    source: SourceSpec
    topic: str

    def restored_from(self, partition: int, committed: Mapping[TopicPartition, int]) -> RestoreSource:
        """For one partition, up to its ``committed`` input offset."""
        source = TopicPartition(self.topic, partition)
        return RestoreSource(source, committed.get(source, 0), self.entries)

    def entries(self, fetched: FetchedColumns) -> tuple[Sequence[bytes | None], Sequence[bytes | None]]:
        """The store's keys and stamped values; the key of what is no entry is None."""
        keys = fetched.keys
        values = [
            None if value is None else stamped(value, timestamp)
            for value, timestamp in zip(fetched.values, fetched.timestamps, strict=True)
        ]
        if type(self.source.key_codec) not in _WRITTEN_ONE_WAY:
            keys = [self._own_form(key) for key in self.source.key_codec.decode(keys)]
        if self.source.on_decode_error.action is not ErrorAction.FAIL:
            # Such records were passed over. Where they fail the app, there are none before the offset.
            rows = zip(keys, self.source.key_codec.decode(fetched.keys), self._decoded(fetched), strict=True)
            keys = [None if DecodeFailure in (type(one), type(other)) else key for key, one, other in rows]
        return keys, values

    def _own_form(self, key: Any) -> bytes | None:
        return None if key is None or type(key) is DecodeFailure else self.store.key_codec.encode(key)

    def _decoded(self, fetched: FetchedColumns) -> list[Any]:
        return self.source.value_codec.decode(fetched.values)


def source_changelogs(topology: Topology) -> dict[str, SourceChangelog]:
    """The stores that could do without a changelog of their own, by name."""
    return {
        store.name: SourceChangelog(store, source, store.source_topic)
        for part in topology.subtopologies
        for store in part.stores
        for source in part.sources
        if store.changelog and store.source_topic is not None and store.source_topic in source.topics
    }
