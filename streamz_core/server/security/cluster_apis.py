"""What the APIs about the cluster, its settings and its security need.

Owns: their rows.
Must not know: who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.protocol.messages.acls import AclOperation, ResourceType
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    AlteredQuota,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from streamz_core.protocol.messages.configs import (
    AlterConfigsRequest,
    AlterConfigsResult,
    ConfigResourceType,
    DescribeConfigsRequest,
    DescribeConfigsResult,
    IncrementalAlterConfigsRequest,
)
from streamz_core.protocol.messages.create_acls import (
    AclCreationResult,
    CreateAclsRequest,
    CreateAclsResponse,
)
from streamz_core.protocol.messages.delete_acls import (
    DeleteAclsFilterResult,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from streamz_core.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from streamz_core.protocol.messages.describe_cluster import DescribeClusterRequest
from streamz_core.protocol.messages.describe_log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse
from streamz_core.protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
)
from streamz_core.protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse
from streamz_core.protocol.messages.find_coordinator import (
    Coordinator,
    CoordinatorType,
    FindCoordinatorRequest,
)
from streamz_core.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from streamz_core.protocol.messages.partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.server.security.api import (
    ALTER_CLUSTER,
    DESCRIBE_CLUSTER,
    DESCRIBE_GROUP,
    DESCRIBE_TRANSACTION,
    Api,
    itself,
    on,
)
from streamz_core.server.security.steps import Bits, Each, Whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.errors import ErrorCode
    from streamz_core.server.security.asking import Asking

_DESCRIBE_CLUSTER_CONFIGS: Final = on(AclOperation.DESCRIBE_CONFIGS, ResourceType.CLUSTER)
_ALTER_CLUSTER_CONFIGS: Final = on(AclOperation.ALTER_CONFIGS, ResourceType.CLUSTER)
_PROTECTED_AS: Final = {
    ConfigResourceType.TOPIC: ResourceType.TOPIC,
    ConfigResourceType.GROUP: ResourceType.GROUP,
}
"""What settings belong to; all others are the cluster's."""


def _config_steps(
    operation: AclOperation, answered: str, refused: Callable[[Any, ErrorCode], Any]
) -> tuple[Each, ...]:
    """A step for the settings of topics, of groups, and of everything else."""
    return tuple(
        Each(
            on(operation, kind),
            "resources",
            answered,
            refused,
            lambda _, part: part.resource_name,
            applies=_belongs_to(kind),
            scope=f"each {'broker' if kind is ResourceType.CLUSTER else kind.name.lower()} named",
        )
        for kind in (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.CLUSTER)
    )


def _belongs_to(kind: ResourceType) -> Callable[[Asking, Any, Any], bool]:
    return lambda _asking, _request, part: _PROTECTED_AS.get(part.resource_type, ResourceType.CLUSTER) is kind


def _coordinator_step(key_type: CoordinatorType, step_rules: Any) -> Each:
    return Each(
        step_rules,
        "coordinator_keys",
        "coordinators",
        lambda part, code: Coordinator(key=part, node_id=-1, host="", port=-1, error_code=code),
        itself,
        applies=lambda _asking, request, _part: request.key_type == key_type,
        scope=f"each key of type {key_type.name}",
    )


def _altered(part: Any, code: ErrorCode) -> AlterConfigsResult:
    return AlterConfigsResult(
        resource_type=part.resource_type, resource_name=part.resource_name, error_code=code
    )


def _scram_refused(
    request: AlterUserScramCredentialsRequest, code: ErrorCode
) -> AlterUserScramCredentialsResponse:
    names = dict.fromkeys(one.name for one in request.deletions) | dict.fromkeys(
        one.name for one in request.upsertions
    )
    results = [AlterUserScramCredentialsResult(user=name, error_code=code) for name in names]
    return AlterUserScramCredentialsResponse(results=results)


CLUSTER_APIS: Final = (
    Api(ApiVersionsRequest),
    Api(SaslHandshakeRequest),
    Api(SaslAuthenticateRequest),
    Api(
        FindCoordinatorRequest,
        (
            _coordinator_step(CoordinatorType.GROUP, DESCRIBE_GROUP),
            _coordinator_step(CoordinatorType.TRANSACTION, DESCRIBE_TRANSACTION),
            _coordinator_step(CoordinatorType.SHARE, on(AclOperation.CLUSTER_ACTION, ResourceType.CLUSTER)),
        ),
    ),
    Api(
        DescribeConfigsRequest,
        _config_steps(
            AclOperation.DESCRIBE_CONFIGS,
            "results",
            lambda part, code: DescribeConfigsResult(
                resource_type=part.resource_type,
                resource_name=part.resource_name,
                error_code=code,
                configs=[],
            ),
        ),
    ),
    Api(AlterConfigsRequest, _config_steps(AclOperation.ALTER_CONFIGS, "responses", _altered)),
    Api(IncrementalAlterConfigsRequest, _config_steps(AclOperation.ALTER_CONFIGS, "responses", _altered)),
    Api(
        ListConfigResourcesRequest,
        (Whole(_DESCRIBE_CLUSTER_CONFIGS, lambda _, code: ListConfigResourcesResponse(error_code=code)),),
    ),
    Api(DescribeClusterRequest, (Bits(DESCRIBE_CLUSTER, "cluster_authorized_operations"),)),
    Api(
        DescribeLogDirsRequest,
        (Whole(DESCRIBE_CLUSTER, lambda _, code: DescribeLogDirsResponse(error_code=code, results=[])),),
    ),
    Api(ElectLeadersRequest, (Whole(ALTER_CLUSTER, lambda _, code: ElectLeadersResponse(error_code=code)),)),
    Api(
        AlterPartitionReassignmentsRequest,
        (
            Whole(
                ALTER_CLUSTER,
                lambda _, code: AlterPartitionReassignmentsResponse(error_code=code, responses=[]),
            ),
        ),
    ),
    Api(
        ListPartitionReassignmentsRequest,
        (Whole(DESCRIBE_CLUSTER, lambda _, code: ListPartitionReassignmentsResponse(error_code=code)),),
    ),
    Api(
        DescribeClientQuotasRequest,
        (Whole(_DESCRIBE_CLUSTER_CONFIGS, lambda _, code: DescribeClientQuotasResponse(error_code=code)),),
    ),
    Api(
        AlterClientQuotasRequest,
        (
            Whole(
                _ALTER_CLUSTER_CONFIGS,
                lambda request, code: AlterClientQuotasResponse(
                    entries=[AlteredQuota(error_code=code, entity=one.entity) for one in request.entries]
                ),
            ),
        ),
    ),
    Api(
        DescribeAclsRequest, (Whole(DESCRIBE_CLUSTER, lambda _, code: DescribeAclsResponse(error_code=code)),)
    ),
    Api(
        CreateAclsRequest,
        (
            Whole(
                ALTER_CLUSTER,
                lambda request, code: CreateAclsResponse(
                    results=[AclCreationResult(error_code=code) for _ in request.creations]
                ),
            ),
        ),
    ),
    Api(
        DeleteAclsRequest,
        (
            Whole(
                ALTER_CLUSTER,
                lambda request, code: DeleteAclsResponse(
                    filter_results=[DeleteAclsFilterResult(error_code=code) for _ in request.filters]
                ),
            ),
        ),
    ),
    Api(
        DescribeUserScramCredentialsRequest,
        (Whole(DESCRIBE_CLUSTER, lambda _, code: DescribeUserScramCredentialsResponse(error_code=code)),),
    ),
    Api(AlterUserScramCredentialsRequest, (Whole(ALTER_CLUSTER, _scram_refused),)),
)
