"""Record batches (format v2): the one name under which the other layers use them.

Owns: nothing; it gathers the frame (``batch_header``), the way out (``batch_encoder``) and the way in
(``batch_decoder``).
Must not know: topics, partitions, files.
"""

from __future__ import annotations

from streamz_core.protocol.batch_decoder import Columns, decode
from streamz_core.protocol.batch_encoder import RawRecords, RecordWriter, encode
from streamz_core.protocol.batch_header import (
    HEADER_BYTES,
    BatchHeader,
    assign,
    check_crc,
    read_header,
    read_headers,
    set_append_time,
    split,
)
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.encoded_batches import EncodedBatch, EncodedBatches

__all__ = [
    "HEADER_BYTES",
    "BatchHeader",
    "Columns",
    "CorruptBatch",
    "EncodedBatch",
    "EncodedBatches",
    "RawRecords",
    "RecordWriter",
    "assign",
    "check_crc",
    "decode",
    "encode",
    "read_header",
    "read_headers",
    "set_append_time",
    "split",
]
