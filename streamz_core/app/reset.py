"""Making an app forget everything it has done: Kafka's application reset tool.

Owns: what belongs to an app, and taking it away in an order that can be broken off and begun again.
Must not know: command lines, how an app is run.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.fingerprint import Fingerprint
from streamz_core.app.planning import expected_counts, fingerprint_of
from streamz_core.app.state_directory import state_directory
from streamz_core.app.stored_fingerprint import load, topology_topic
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.errors import GroupIdNotFound
from streamz_core.client.local_link import open_link
from streamz_core.model import TopicPartition
from streamz_core.state import rocksdb
from streamz_core.state.changelog import topic_name

if TYPE_CHECKING:
    from streamz_core.app.services import Runnable
    from streamz_core.client.link import Link

_FREE_STATES: Final = ("Empty", "Dead")
_TIMES: Final = {"earliest": -2, "latest": -1}


class StillRunning(ImproperlyConfigured):
    """The app has running instances: they would write what is being deleted."""


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset does."""

    topics: tuple[str, ...]
    """Deleted, in this order."""
    offsets: dict[TopicPartition, int]
    """Where input is read from."""
    state: str | None
    """The directory that is removed."""

    def __str__(self) -> str:
        """A line for each."""
        lines = [f"delete topic {topic}" for topic in self.topics]
        lines += [f"read {p.topic}-{p.partition} from offset {at}" for p, at in sorted(self.offsets.items())]
        if self.state is not None:
            lines.append(f"remove {self.state}")
        return "\n".join(lines) or "there is nothing to reset"


async def reset(app: Runnable, to: str = "earliest", *, dry_run: bool = True) -> Reset:
    """Have the app begin anew: input from the ``earliest`` or ``latest`` record, its own topics and state gone.

    Topics that it writes for others stay, dead letters among them. Raises ``StillRunning``.
    """
    if to not in _TIMES:
        raise ImproperlyConfigured(f"reset: expected one of {', '.join(_TIMES)}, got {to!r}")
    link = await open_link(app.conf.broker)
    try:
        async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
            await _refuse_running(app, admin)
            found = await _found(app, link, admin, _TIMES[to])
            if not dry_run:
                await _carry_out(app.group_id, admin, found)
            return found
    finally:
        await link.close()


async def _refuse_running(app: Runnable, admin: AIOKafkaAdminClient) -> None:
    (answer,) = await admin.describe_consumer_groups([app.group_id])
    for group in answer.groups:
        state = str(group[2])
        if state not in _FREE_STATES:
            raise StillRunning(
                f"app {app.id!r} is running (its group {app.group_id!r} is {state}): stop all of its instances first"
            )


async def _found(app: Runnable, link: Link, admin: AIOKafkaAdminClient, time: int) -> Reset:
    before = await load(link, app.group_id) or Fingerprint()
    now = fingerprint_of(app, await expected_counts(app, link))
    present = set(await admin.list_topics())
    stores = [*before.orphaned_stores, *before.stores, *now.stores]
    # The fingerprint goes last: a reset that was broken off still knows what there was.
    own = [
        *before.orphaned_topics,
        *before.internal,
        *now.internal,
        *(topic_name(app.group_id, store) for store in stores),
    ]
    topics = [topic for topic in (*dict.fromkeys(own), topology_topic(app.group_id)) if topic in present]
    described = await admin.describe_topics(sorted({*before.sources, *now.sources} & present))
    inputs = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]
    ends = await admin.list_offsets(dict.fromkeys(inputs, time)) if inputs else {}
    directory = state_directory(app)
    return Reset(
        tuple(topics),
        {partition: end.offset for partition, end in ends.items()},
        None if directory is None else f"{directory}/{app.group_id}",
    )


async def _carry_out(group: str, admin: AIOKafkaAdminClient, found: Reset) -> None:
    if found.state is not None:
        rocksdb.discard(found.state)
    with suppress(GroupIdNotFound):  # it may never have committed
        await admin.delete_consumer_groups([group])
    if found.offsets:
        await admin.alter_consumer_group_offsets(group, found.offsets)
    for topic in found.topics:
        (await admin.delete_topics([topic])).raise_for_errors()
