"""DescribeCluster: the one broker there is.

Owns: the answer to ``DescribeClusterRequest``.
Must not know: topics, groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.authorized_operations import CLUSTER_OPERATIONS
from streamz_core.broker.copies import NODE_ID
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
    EndpointType,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeClusterRequest


async def handle(broker: HandlerBroker, request: DescribeClusterRequest) -> DescribeClusterResponse:
    """Name the broker; controllers have no addresses of their own here."""
    if request.endpoint_type is not EndpointType.BROKERS:
        return _refused(broker, request.endpoint_type)
    node = DescribeClusterBroker(
        broker_id=NODE_ID, host=broker.config.advertised_host, port=broker.config.advertised_port
    )
    asked = request.include_cluster_authorized_operations
    return DescribeClusterResponse(
        cluster_id=broker.cluster_id,
        controller_id=NODE_ID,
        brokers=[node],
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED_FOR,
    )


def _refused(broker: HandlerBroker, endpoint_type: int) -> DescribeClusterResponse:
    is_known = endpoint_type == EndpointType.CONTROLLERS
    code = ErrorCode.MISMATCHED_ENDPOINT_TYPE if is_known else ErrorCode.UNSUPPORTED_ENDPOINT_TYPE
    return DescribeClusterResponse(
        error_code=code,
        error_message="this is a broker: ask it for brokers (endpoint type 1)",
        endpoint_type=EndpointType.BROKERS,
        cluster_id=broker.cluster_id,
        brokers=[],
    )
