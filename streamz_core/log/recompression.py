"""Topics that keep one codec whatever producers send (``compression.type``).

Owns: writing a batch anew in the topic's codec.
Must not know: anything but batches; one whose codec is the topic's already stays as it is.
"""

from __future__ import annotations

from streamz_core.log.files import Buffer
from streamz_core.log.validation import Batches
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.record_batch import BatchHeader, decode, encode, split

_UNCOMPRESSED = "uncompressed"


def recompress(records: Buffer, batches: Batches, compression_type: str) -> tuple[bytearray, Batches]:
    """The batches in the codec that ``compression_type`` names, and where they are now.

    Raises ``CorruptBatch`` if a batch cannot be read.
    """
    codec = Compression.NONE if compression_type == _UNCOMPRESSED else Compression.from_name(compression_type)
    parts = [
        records[position : position + header.size_bytes]
        if header.compression is codec
        else _encode_again(records, position, header, codec)
        for position, header in batches
    ]
    buffer = bytearray(b"".join(parts))
    return buffer, split(buffer, check=False)


def _encode_again(records: Buffer, position: int, header: BatchHeader, codec: Compression) -> bytes:
    columns = decode(records, position, check=False)
    return encode(
        columns.keys,
        columns.values,
        columns.timestamps,
        columns.headers,
        compression=codec,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
    )
