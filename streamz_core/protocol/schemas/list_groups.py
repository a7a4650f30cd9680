"""ListGroups (API key 16) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.list_groups import (
    ListGroupsRequest,
    ListGroupsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ListGroupsRequest,
    table="""
versions 0-5, flexible 3+
states_filter: [string] 4+
types_filter: [string] 5+
""",
)
RESPONSE: Final = Form(
    message=ListGroupsResponse,
    table="""
versions 0-5, flexible 3+
throttle_time_ms: int32 1+
error_code: int16
groups: []
    group_id: string
    protocol_type: string
    group_state: string 4+
    group_type: string 5+
""",
)
