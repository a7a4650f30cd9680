"""OffsetCommit (API key 8) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=OffsetCommitRequest,
    table="""
versions 2-10, flexible 8+
group_id: string
generation_id_or_member_epoch: int32 = -1
member_id: string
group_instance_id: string? 7+ = null
retention_time_ms: int64 2-4 = -1 unused
topics: []
    name: string 2-9
    topic_id: uuid 10+
    partitions: []
        partition_index: int32
        committed_offset: int64
        committed_leader_epoch: int32 6+ = -1
        committed_metadata: string?
""",
)
RESPONSE: Final = Form(
    message=OffsetCommitResponse,
    table="""
versions 2-10, flexible 8+
throttle_time_ms: int32 3+
topics: []
    name: string 2-9
    topic_id: uuid 10+
    partitions: []
        partition_index: int32
        error_code: int16
""",
)
