"""Which handler answers which request.

Owns: which handler modules there are (those it imports); everything that depends on what the broker can answer (the
dispatch here, the ApiVersions answer of a server) is derived from it.
Must not know: the broker, what the handlers do.

A handler module names the request type it serves as ``REQUEST`` and defines
``async def handle(broker, request)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.broker.handlers import (  # noqa: F401 - found by what they define, below
    add_offsets_to_txn,
    add_partitions_to_txn,
    alter_client_quotas,
    alter_configs,
    alter_partition_reassignments,
    alter_user_scram_credentials,
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
    sync_group,
    txn_offset_commit,
    write_txn_markers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.broker.handler import Handler
    from streamz_core.protocol.messages.request import Request


def _by_request_type(names: Mapping[str, Any]) -> dict[type[Request[Any]], Handler]:
    """The handlers among the modules that are imported above."""
    table: dict[type[Request[Any]], Handler] = {}
    for module in [one for one in names.values() if hasattr(one, "REQUEST")]:
        assert module.REQUEST not in table, f"two handlers for {module.REQUEST.__name__}"
        table[module.REQUEST] = module.handle
    return table


HANDLERS: Final = _by_request_type(globals())
"""Request type to handler."""

API_KEYS: Final = frozenset(request.api_key for request in HANDLERS)
"""The protocol's keys of every API the broker answers."""
