"""Making an app forget everything it has done: Kafka's application reset tool.

Owns: what belongs to an app, and taking it away in an order that can be broken off and begun again.
Must not know: command lines, how an app is run.

What belongs to an app is known from its program, from the note it keeps of its topology, or from both: without
the program, by the application id alone, what it has created is found all the same.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streamz_core.app.app_link import open_app_link
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.fingerprint import Fingerprint
from streamz_core.app.planning import expected_counts, fingerprint_of
from streamz_core.app.state_directory import state_beside, state_directory
from streamz_core.app.stored_fingerprint import load, topology_topic
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.errors import GroupIdNotFound
from streamz_core.client.local_link import open_link
from streamz_core.client.reset_target import Bounds, ResetTarget, offsets_of_file
from streamz_core.model import TopicPartition
from streamz_core.progress import UNHEARD, Progress
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP
from streamz_core.state import rocksdb
from streamz_core.state.changelog import topic_name
from streamz_core.streams.topic_pattern import is_own, topic_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.app.services import Runnable
    from streamz_core.client.link import Link
    from streamz_core.client.tcp.link_settings import LinkSettings

EARLIEST: Final = ResetTarget("to_earliest", True)
_FREE_STATES: Final = ("Empty", "Dead")


class StillRunning(ImproperlyConfigured):
    """The app has running instances: they would write what is being deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetOptions:
    """What of an app is reset, and where to. Kafka's flags."""

    target: ResetTarget = EARLIEST
    """Where its input is read from."""
    input_topics: frozenset[str] = frozenset()
    """Only these, which others write, are read from there; none named: all that it reads."""
    internal_topics: frozenset[str] = frozenset()
    """Only these of its own topics are deleted; none named: all of them."""
    force: bool = False
    """Remove the members that its group still has."""
    progress: Progress = UNHEARD
    """Hears of the topics that are deleted."""


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset does."""

    topics: tuple[str, ...]
    """Deleted, in this order."""
    offsets: dict[TopicPartition, int]
    """Where input is read from."""
    state: str | None
    """The directory that is removed."""
    keeps_group: bool = False
    """Whether offsets that are not in ``offsets`` stay."""
    members: tuple[str, ...] = ()
    """Removed from the group."""

    def __str__(self) -> str:
        """A line for each."""
        lines = [f"remove member {member}" for member in self.members]
        lines += [f"delete topic {topic}" for topic in self.topics]
        lines += [f"read {p.topic}-{p.partition} from offset {at}" for p, at in sorted(self.offsets.items())]
        if self.state is not None:
            lines.append(f"remove {self.state}")
        return "\n".join(lines) or "there is nothing to reset"


@dataclass(frozen=True, slots=True)
class _Belongings:
    """What an app has, as far as it is known."""

    group: str
    sources: frozenset[str]
    patterns: frozenset[str] = frozenset()
    own_topics: tuple[str, ...] = field(default=())
    state: str | None = None


async def reset(app: Runnable, options: ResetOptions | None = None, *, dry_run: bool = True) -> Reset:
    """Have the app begin anew: input from ``options.target`` on, its own topics and state gone.

    Topics that it writes for others stay, dead letters among them. Raises ``StillRunning``, and ``Misuse`` for
    topics that it does not have.
    """
    link = await open_app_link(app, with_durability=False)
    try:
        before = await load(link, app.group_id) or Fingerprint()
        now = await fingerprint_of(app, link, await expected_counts(app, link))
        belongings = _belongings(app.group_id, (before, now), state_directory(app))
        return await _reset(link, belongings, options or ResetOptions(), dry_run=dry_run)
    finally:
        await link.close()


async def reset_by_id(
    application_id: str,
    broker: str,
    options: ResetOptions | None = None,
    *,
    dry_run: bool = True,
    settings: LinkSettings | None = None,
) -> Reset:
    """The same without the program, by what the app has noted of itself.

    An app without stores and internal topics has noted nothing: its ``options.input_topics`` must be named.
    ``settings`` say how to log in at a broker behind a socket.
    """
    options = options or ResetOptions()
    link = await open_link(broker, settings=settings)
    try:
        before = await load(link, application_id)
        if before is None:
            if not options.input_topics:
                raise ImproperlyConfigured(
                    f"nothing is known of an application {application_id!r}: it has no topic "
                    f"{topology_topic(application_id)!r}. Check the id, or name its --input-topics"
                )
            before = Fingerprint(sources=dict.fromkeys(options.input_topics, 1))
        belongings = _belongings(application_id, (before,), state_beside(broker))
        return await _reset(link, belongings, options, dry_run=dry_run)
    finally:
        await link.close()


def _belongings(group: str, known: Iterable[Fingerprint], directory: str | None) -> _Belongings:
    versions = tuple(known)
    # The fingerprint goes last: a reset that was broken off still knows what there was.
    own = [
        *(topic for one in versions for topic in (*one.orphaned_topics, *one.internal)),
        *(topic_name(group, store) for one in versions for store in (*one.orphaned_stores, *one.stores)),
        topology_topic(group),
    ]
    return _Belongings(
        group,
        frozenset(topic for one in versions for topic in one.sources),
        frozenset(pattern for one in versions for pattern in one.patterns),
        tuple(dict.fromkeys(own)),
        None if directory is None else f"{directory}/{group}",
    )


async def _reset(link: Link, belongings: _Belongings, options: ResetOptions, *, dry_run: bool) -> Reset:
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        members = await _members(link, belongings.group, force=options.force)
        present = set(await admin.list_topics())
        topics = _to_delete(belongings, options.internal_topics, present)
        inputs = _to_read(belongings, options.input_topics, present)
        offsets = await _offsets(admin, belongings.group, inputs, options.target)
        named = tuple(member.member_id for member in members)
        found = Reset(topics, offsets, belongings.state, bool(options.input_topics), named)
        if not dry_run:
            await _carry_out(link, admin, belongings.group, found, members, options.progress)
        return found


async def _members(link: Link, group: str, *, force: bool) -> list[MemberIdentity]:
    """The members that have to go. Raises ``StillRunning`` where there are some, unless by ``force``."""
    (described,) = (await link.send(DescribeGroupsRequest(groups=[group]))).groups
    if described.group_state in _FREE_STATES:
        return []
    if not force:
        raise StillRunning(
            f"app {group!r} is running (its group is {described.group_state}): stop all of its instances first; "
            "members that are gone for certain are removed by --force"
        )
    return [
        MemberIdentity(member_id=member.member_id, group_instance_id=member.group_instance_id)
        for member in described.members
    ]


def _to_delete(belongings: _Belongings, named: frozenset[str], present: set[str]) -> tuple[str, ...]:
    own = [topic for topic in belongings.own_topics if topic in present]
    _refuse_unknown("internal", named, belongings.group, own)
    return tuple(topic for topic in own if not named or topic in named)


def _to_read(belongings: _Belongings, named: frozenset[str], present: set[str]) -> list[str]:
    patterns = [topic_pattern(text) for text in belongings.patterns]
    matching = {
        topic
        for topic in present
        if not is_own(topic, belongings.group) and any(pattern.matches(topic) for pattern in patterns)
    }
    sources = (belongings.sources & present) | matching
    _refuse_unknown("input", named, belongings.group, sources)
    return sorted(named or sources)


def _refuse_unknown(what: str, named: frozenset[str], group: str, known: Iterable[str]) -> None:
    if unknown := sorted(named - set(known)):
        raise ImproperlyConfigured(
            f"application {group!r} has no {what} topic {', '.join(unknown)}; "
            f"it has: {', '.join(sorted(known)) or 'none'}"
        )


async def _offsets(
    admin: AIOKafkaAdminClient, group: str, topics: list[str], target: ResetTarget
) -> dict[TopicPartition, int]:
    """Where each partition of the topics is read from."""
    partitions = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in (await admin.describe_topics(topics) if topics else ())
        for partition in topic["partitions"]
    ]
    if not partitions:
        return {}
    starts = await admin.list_offsets(dict.fromkeys(partitions, EARLIEST_TIMESTAMP))
    ends = await admin.list_offsets(dict.fromkeys(partitions, LATEST_TIMESTAMP))
    moment_ms = target.moment_ms(datetime.now(UTC))
    at_time = {} if moment_ms is None else await admin.list_offsets(dict.fromkeys(partitions, moment_ms))
    committed = await admin.list_consumer_group_offsets(group)
    asked = offsets_of_file(target.value, group) if target.kind == "from_file" else {}
    found = {}
    for partition in partitions if not asked else sorted(asked.keys() & set(partitions)):
        current = committed[partition].offset if partition in committed else None
        late = at_time[partition].offset if partition in at_time else -1
        bounds = Bounds(current, starts[partition].offset, ends[partition].offset, late)
        wanted = asked[partition] if asked else target.offset(partition, bounds)
        found[partition] = bounds.nearest(wanted)
    return found


async def _carry_out(
    link: Link,
    admin: AIOKafkaAdminClient,
    group: str,
    found: Reset,
    members: list[MemberIdentity],
    progress: Progress,
) -> None:
    if members:
        await link.send(LeaveGroupRequest(group_id=group, members=members))
    if found.state is not None:
        rocksdb.discard(found.state)
    if not found.keeps_group:
        with suppress(GroupIdNotFound):  # it may never have committed
            await admin.delete_consumer_groups([group])
    if found.offsets:
        await admin.alter_consumer_group_offsets(group, found.offsets)
    progress.begin("deleting", "topics", len(found.topics))
    for topic in found.topics:
        (await admin.delete_topics([topic])).raise_for_errors()
        progress.add(1)
