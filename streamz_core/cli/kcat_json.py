r"""kcat's JSON: the envelope of a record (``-J``) and of a listing (``-L -J``), byte for byte.

Owns: the names, their order, and how text is escaped: what is not UTF-8 goes out as it is.
Must not know: where records come from.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.model import ConsumerRecord
    from streamz_core.protocol.messages.metadata import MetadataResponse

    Record = ConsumerRecord[bytes, bytes]

_ESCAPED: Final = re.compile(rb'[\x00-\x1f"\\]')
_SHORT: Final[Mapping[bytes, bytes]] = {
    b'"': rb"\"",
    b"\\": rb"\\",
    b"\b": rb"\b",
    b"\f": rb"\f",
    b"\n": rb"\n",
    b"\r": rb"\r",
    b"\t": rb"\t",
}
_BROKER: Final = 0


def envelope(record: Record) -> bytes:
    """One record as a line."""
    kind = b"logappend" if record.timestamp_type else b"create"
    headers = b""
    if record.headers:
        texts = [_text(one) for name, value in record.headers for one in (name.encode(), value)]
        headers = b'"headers":[%b],' % b",".join(texts)
    return (
        b'{"topic":%b,"partition":%d,"offset":%d,"tstype":"%b","ts":%d,"broker":%d,%b"key":%b,"payload":%b}\n'
        % (
            _text(record.topic.encode()),
            record.partition,
            record.offset,
            kind,
            record.timestamp,
            _BROKER,
            headers,
            _text(record.key),
            _text(record.value),
        )
    )


def _text(data: bytes | None) -> bytes:
    r"""Bytes as a JSON string.

    >>> _text(b'a"\n\x01\xff'), _text(None)
    (b'"a\\"\\n\\u0001\xff"', b'null')
    """
    if data is None:
        return b"null"
    return b'"%b"' % _ESCAPED.sub(lambda found: _SHORT.get(found[0]) or b"\\u%04X" % found[0][0], data)


def listing(answer: MetadataResponse, origin: tuple[int, str], topics: Sequence[str] | None) -> str:
    """Brokers, topics and partitions; ``origin`` is the broker that told it."""
    said: dict[str, Any] = {
        "originating_broker": {"id": origin[0], "name": origin[1]},
        "query": {"topic": ",".join(topics) if topics else "*"},
        "controllerid": answer.controller_id,
        "brokers": [{"id": one.node_id, "name": f"{one.host}:{one.port}"} for one in answer.brokers],
        "topics": [
            {
                "topic": topic.name,
                "partitions": [
                    {
                        "partition": part.partition_index,
                        "leader": part.leader_id,
                        "replicas": [{"id": node} for node in part.replica_nodes],
                        "isrs": [{"id": node} for node in part.isr_nodes],
                    }
                    for part in topic.partitions
                ],
            }
            for topic in answer.topics
        ],
    }
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)
