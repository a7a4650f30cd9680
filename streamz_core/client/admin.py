"""``AIOKafkaAdminClient``: topics, configs, groups and offsets, by aiokafka's names and signatures.

Owns: the public admin client, put together from its subjects.
Must not know: how any of it is done.

Beyond aiokafka: ``async with``, ``list_offsets``, ``incremental_alter_configs``,
``delete_consumer_groups``, ``remove_members``, ``alter_consumer_group_offsets``,
``delete_consumer_group_offsets``, and ``raise_for_errors`` of answers; transactions listed, described,
fenced and aborted; ACLs and users.
"""

from __future__ import annotations

from streamz_core.client.admin_configs import ConfigAdministration
from streamz_core.client.admin_groups import GroupAdministration
from streamz_core.client.admin_security import SecurityAdministration
from streamz_core.client.admin_topics import TopicAdministration
from streamz_core.client.admin_transactions import TransactionAdministration


class AIOKafkaAdminClient(
    TopicAdministration,
    ConfigAdministration,
    GroupAdministration,
    TransactionAdministration,
    SecurityAdministration,
):
    """Administers a log; see aiokafka's documentation for what is not said here.

    Every wait is bounded by ``request_timeout_ms``, or ``timeout_ms`` where a method takes it.

        async with AIOKafkaAdminClient(bootstrap_servers="file://./data") as admin:
            (await admin.create_topics([NewTopic("views", 4, 1)])).raise_for_errors()
    """
