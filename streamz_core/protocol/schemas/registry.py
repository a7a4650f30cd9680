"""Which APIs there are tables of.

Owns: ``SCHEMAS``, from the modules that it imports; each names its ``REQUEST`` and its ``RESPONSE``.
Must not know: what the tables say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamz_core.protocol.schemas import (  # noqa: F401 - found by what they define, below
    add_offsets_to_txn,
    add_partitions_to_txn,
    alter_client_quotas,
    alter_configs,
    alter_partition_reassignments,
    alter_user_scram_credentials,
    api_versions,
    consumer_group_describe,
    consumer_group_heartbeat,
    create_acls,
    create_partitions,
    create_topics,
    delete_acls,
    delete_groups,
    delete_records,
    delete_topics,
    describe_acls,
    describe_client_quotas,
    describe_cluster,
    describe_configs,
    describe_groups,
    describe_log_dirs,
    describe_producers,
    describe_topic_partitions,
    describe_transactions,
    describe_user_scram_credentials,
    elect_leaders,
    end_txn,
    fetch,
    find_coordinator,
    heartbeat,
    incremental_alter_configs,
    init_producer_id,
    join_group,
    leave_group,
    list_config_resources,
    list_groups,
    list_offsets,
    list_partition_reassignments,
    list_transactions,
    metadata,
    offset_commit,
    offset_delete,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    sasl_authenticate,
    sasl_handshake,
    sync_group,
    txn_offset_commit,
    write_txn_markers,
)
from streamz_core.protocol.schemas.form import Form


@dataclass(frozen=True)
class Schema:
    """Both sides of one API."""

    request: Form
    response: Form


def _by_api_key(names: Mapping[str, Any]) -> dict[int, Schema]:
    """The tables of the modules that are imported above."""
    schemas: dict[int, Schema] = {}
    for module in [one for one in names.values() if hasattr(one, "REQUEST")]:
        api_key = module.REQUEST.message.api_key
        assert api_key not in schemas, f"two tables for API key {api_key}"
        schemas[api_key] = Schema(module.REQUEST, module.RESPONSE)
    return schemas


SCHEMAS: Final = _by_api_key(globals())
"""API key to tables."""
