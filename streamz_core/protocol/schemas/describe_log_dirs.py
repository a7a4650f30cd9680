"""DescribeLogDirs (API key 35) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_log_dirs import (
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeLogDirsRequest,
    table="""
versions 1-4, flexible 2+
topics: []?
    topic: string
    partitions: [int32]
""",
)
RESPONSE: Final = Form(
    message=DescribeLogDirsResponse,
    table="""
versions 1-4, flexible 2+
throttle_time_ms: int32
error_code: int16 3+
results: []
    error_code: int16
    log_dir: string
    topics: []
        name: string
        partitions: []
            partition_index: int32
            partition_size: int64
            offset_lag: int64
            is_future_key: bool
    total_bytes: int64 4+ = -1
    usable_bytes: int64 4+ = -1
""",
)
