"""Before a new version of an app runs: what it changes, and whether it may.

Owns: comparing an app with what is kept of its last version, and refusing to lose state silently.
Must not know: what a fingerprint consists of, how an app is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.app.app_link import open_app_link
from streamz_core.app.between import agents_between, names_between, streams_between
from streamz_core.app.declaring import all_partition_counts, partition_counts
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.fingerprint import Fingerprint, fingerprint, plan, succeeding
from streamz_core.app.stored_fingerprint import load, save
from streamz_core.client.request import Requests
from streamz_core.streams.dsl.compile import external_topics, global_topics
from streamz_core.streams.runtime.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.app.fingerprint import Plan
    from streamz_core.app.services import Runnable
    from streamz_core.client.link import Link
    from streamz_core.client.producer.producer import AIOKafkaProducer


REQUEST_TIMEOUT_MS: Final = 40_000
RETRY_BACKOFF_MS: Final = 100


class DestructiveChange(ImproperlyConfigured):
    """A new version of the app would lose state of the one before."""


async def fingerprint_of(app: Runnable, link: Link, partitions: Mapping[str, int]) -> Fingerprint:
    """The app's, where topics have so many partitions."""
    topology = app.topology(partitions)
    own = {str(grouped.between.get_topic_name()) for grouped in app.declared.grouped}
    begin = f"{app.group_id}-"
    own.update(t for t in topology.topics if t.startswith(begin) and t.endswith("-repartition"))
    topics = Topics(Requests(link, REQUEST_TIMEOUT_MS, RETRY_BACKOFF_MS), app.group_id)
    sources = await topics.source_changelogs(topology)
    return fingerprint(topology, partitions, own, {name: found.topic for name, found in sources.items()})


async def check(app: Runnable, link: Link, producer: AIOKafkaProducer, partitions: Mapping[str, int]) -> None:
    """Refuse what loses state, unless the app's settings accept it; and keep what runs from now on.

    Raises ``DestructiveChange`` with the plan.
    """
    now = await fingerprint_of(app, link, partitions)
    before = await load(link, app.group_id)
    if before is None and now.is_empty:
        return
    changes = plan(before or Fingerprint(), now)
    if before is not None and changes.is_destructive and not app.conf.accept_destructive:
        raise DestructiveChange(
            f"app {app.id!r} is not the one that ran before, and would lose state of it:\n{changes}\n"
            "Mend the program, or accept it: --accept-destructive, or STREAMZ_ACCEPT_DESTRUCTIVE=1; "
            "or begin afresh with the setting 'version'"
        )
    kept = now if before is None else succeeding(before, now)
    if kept != before:
        await save(link, producer, app.group_id, kept)


async def planned(app: Runnable) -> Plan:
    """What starting the app would change; no topic is created or changed.

    Topics that do not exist yet count as they would be created.
    """
    link = await open_app_link(app, with_durability=False)
    try:
        before = await load(link, app.group_id) or Fingerprint()
        return plan(before, await fingerprint_of(app, link, await expected_counts(app, link)))
    finally:
        await link.close()


async def present_counts(app: Runnable, link: Link) -> dict[str, int]:
    """How many partitions those topics have between others that are there; where there are patterns, all topics."""
    if app.declared.patterns:
        return await all_partition_counts(link)
    return await partition_counts(link, names_between(app))


async def expected_counts(app: Runnable, link: Link) -> dict[str, int]:
    """How many partitions the topics have that the app reads, or will have once it creates them."""
    declared = app.declared
    read = [name for topic in declared.read_directly for name in topic.topics]
    graph = declared.graph
    if graph is not None:
        read += [*external_topics(graph), *global_topics(graph)]
    present = await partition_counts(link, list(dict.fromkeys(read)))
    counts = await present_counts(app, link)
    counts.update({name: present.get(name) or _to_be(app, name) for name in read})
    counts.update(agents_between(app, counts))
    counts.update(streams_between(app, counts))
    return counts


def _to_be(app: Runnable, topic: str) -> int:
    options = app.topics.get(topic)
    partitions = None if options is None else options.partitions
    return partitions or app.conf.topic_partitions
