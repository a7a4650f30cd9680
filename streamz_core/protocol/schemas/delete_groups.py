"""DeleteGroups (API key 42) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.delete_groups import (
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DeleteGroupsRequest,
    table="""
versions 0-2, flexible 2+
groups_names: [string]
""",
)
RESPONSE: Final = Form(
    message=DeleteGroupsResponse,
    table="""
versions 0-2, flexible 2+
throttle_time_ms: int32
results: []
    group_id: string
    error_code: int16
""",
)
