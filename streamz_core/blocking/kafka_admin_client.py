"""``KafkaAdminClient``: ``AIOKafkaAdminClient`` without ``await``.

Owns: ``with``.
Must not know: what is administered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from streamz_core.blocking.blocking_client import BlockingClient, awaited
from streamz_core.client.admin import AIOKafkaAdminClient

if TYPE_CHECKING:
    from types import TracebackType


class KafkaAdminClient(BlockingClient[AIOKafkaAdminClient]):
    """Administers a log; parameters, methods and errors are those of ``AIOKafkaAdminClient``.

    with KafkaAdminClient(bootstrap_servers="file://./data") as admin:
        print(admin.list_topics())
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(lambda: AIOKafkaAdminClient(**settings))

    start = awaited(AIOKafkaAdminClient.start)
    abort_transaction = awaited(AIOKafkaAdminClient.abort_transaction)
    alter_configs = awaited(AIOKafkaAdminClient.alter_configs)
    alter_consumer_group_offsets = awaited(AIOKafkaAdminClient.alter_consumer_group_offsets)
    close = awaited(AIOKafkaAdminClient.close)
    create_acls = awaited(AIOKafkaAdminClient.create_acls)
    create_partitions = awaited(AIOKafkaAdminClient.create_partitions)
    create_topics = awaited(AIOKafkaAdminClient.create_topics)
    delete_acls = awaited(AIOKafkaAdminClient.delete_acls)
    delete_consumer_group_offsets = awaited(AIOKafkaAdminClient.delete_consumer_group_offsets)
    delete_consumer_groups = awaited(AIOKafkaAdminClient.delete_consumer_groups)
    delete_records = awaited(AIOKafkaAdminClient.delete_records)
    delete_topics = awaited(AIOKafkaAdminClient.delete_topics)
    delete_user_scram_credential = awaited(AIOKafkaAdminClient.delete_user_scram_credential)
    describe_acls = awaited(AIOKafkaAdminClient.describe_acls)
    describe_cluster = awaited(AIOKafkaAdminClient.describe_cluster)
    describe_configs = awaited(AIOKafkaAdminClient.describe_configs)
    describe_consumer_groups = awaited(AIOKafkaAdminClient.describe_consumer_groups)
    describe_producers = awaited(AIOKafkaAdminClient.describe_producers)
    describe_topics = awaited(AIOKafkaAdminClient.describe_topics)
    describe_transactions = awaited(AIOKafkaAdminClient.describe_transactions)
    describe_user_scram_credentials = awaited(AIOKafkaAdminClient.describe_user_scram_credentials)
    fence_producers = awaited(AIOKafkaAdminClient.fence_producers)
    find_coordinator = awaited(AIOKafkaAdminClient.find_coordinator)
    find_hanging_transactions = awaited(AIOKafkaAdminClient.find_hanging_transactions)
    incremental_alter_configs = awaited(AIOKafkaAdminClient.incremental_alter_configs)
    list_consumer_group_offsets = awaited(AIOKafkaAdminClient.list_consumer_group_offsets)
    list_consumer_groups = awaited(AIOKafkaAdminClient.list_consumer_groups)
    list_offsets = awaited(AIOKafkaAdminClient.list_offsets)
    list_topics = awaited(AIOKafkaAdminClient.list_topics)
    list_transactions = awaited(AIOKafkaAdminClient.list_transactions)
    remove_members = awaited(AIOKafkaAdminClient.remove_members)
    upsert_user_scram_credential = awaited(AIOKafkaAdminClient.upsert_user_scram_credential)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()
