"""``streamz groups --describe``: where a group stands, who is in it, what state it is in.

Owns: lag arithmetic and Kafka's three tables.
Must not know: how groups are coordinated.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.described_groups import ShownGroup, ShownMember, described
from streamz_core.cli.group_offsets import by_topic, committed, offsets_at
from streamz_core.cli.table import table
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.list_offsets import LATEST_TIMESTAMP
from streamz_core.protocol.messages.metadata import MetadataRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.client.link import Link

_LEADER_EPOCH: Final = "LEADER-EPOCH"
_OFFSET_TITLES: Final = (
    "GROUP",
    "TOPIC",
    "PARTITION",
    _LEADER_EPOCH,
    "CURRENT-OFFSET",
    "LOG-END-OFFSET",
    "LAG",
    "CONSUMER-ID",
    "HOST",
    "CLIENT-ID",
)
_MEMBER_TITLES: Final = ("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS")
_ASSIGNMENT_TITLES: Final = ("CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT")
_REBALANCING: Final = ("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling")


@dataclass(frozen=True, slots=True)
class GroupOffset:
    """One line of ``--describe``: where a group stands in one partition."""

    group: str
    topic: str
    partition: int
    current_offset: int | None
    log_end_offset: int | None
    leader_epoch: int | None = None
    consumer_id: str | None = None
    host: str | None = None
    client_id: str | None = None

    @property
    def lag(self) -> int | None:
        """Offsets between the group and the end; None where nothing was committed or the topic is gone."""
        if self.current_offset is None or self.log_end_offset is None:
            return None
        return max(self.log_end_offset - self.current_offset, 0)


async def describe(link: Link, names: list[str], given: dict[str, Any]) -> None:
    """Print what the options ask of each group; refuses a group that does not exist."""
    groups = await described(link, names)
    if given["state"] is not None:
        wanted = {part.strip().casefold() for part in given["state"].split(",") if part.strip()}
        shown = [group for group in groups if not wanted or group.state.casefold() in wanted]
        for group in shown:
            _say_state(group)
        coordinator = await _coordinator(link)
        rows = [_state(group, coordinator, with_epochs=given["verbose"]) for group in shown]
        _show(rows, as_json=given["as_json"])
        return
    for group in groups:
        _say_state(group)
    if given["members"]:
        _show_members(groups, given)
        return
    for_groups = [await _offsets(link, group) for group in groups]
    if given["as_json"]:
        rows = [{**asdict(offset), "lag": offset.lag} for offsets in for_groups for offset in offsets]
        click.echo(json.dumps(rows, indent=2))
        return
    titles = [title for title in _OFFSET_TITLES if title != _LEADER_EPOCH or given["verbose"]]
    for offsets in for_groups:
        if offsets:
            cells = [dict(zip(_OFFSET_TITLES, _cells(offset), strict=True)) for offset in offsets]
            click.echo("\n" + table(titles, [[row[title] for title in titles] for row in cells]))


async def _coordinator(link: Link) -> str:
    """Where the one broker is: at its address, or in the process itself."""
    (broker, *_) = (await link.send(MetadataRequest(topics=[], allow_auto_topic_creation=False))).brokers
    return (
        f"{broker.host}:{broker.port} ({broker.node_id})" if broker.host else f"embedded ({broker.node_id})"
    )


def _show_members(groups: list[ShownGroup], given: dict[str, Any]) -> None:
    rows = [
        _member(group, member, with_assignment=given["verbose"])
        for group in groups
        for member in group.members
    ]
    titles = [*_MEMBER_TITLES, *(_ASSIGNMENT_TITLES if given["verbose"] else ())]
    _show(rows, as_json=given["as_json"], titles=titles)


async def _offsets(link: Link, group: ShownGroup) -> list[GroupOffset]:
    """Committed and end offsets of every partition the group committed or owns."""
    owners = {tp: member for member in group.members for tp in member.partitions}
    found = await committed(link, group.group_id)
    partitions = sorted({*found, *owners})
    ends = await offsets_at(link, partitions, LATEST_TIMESTAMP)
    return [
        GroupOffset(
            group=group.group_id,
            topic=tp.topic,
            partition=tp.partition,
            current_offset=found[tp].committed_offset if tp in found else None,
            leader_epoch=_known(found[tp].committed_leader_epoch) if tp in found else None,
            log_end_offset=ends.get(tp),
            consumer_id=owners[tp].member_id if tp in owners else None,
            host=owners[tp].host if tp in owners else None,
            client_id=owners[tp].client_id if tp in owners else None,
        )
        for tp in partitions
    ]


def _known(epoch: int) -> int | None:
    return epoch if epoch >= 0 else None


def _cells(offset: GroupOffset) -> list[object]:
    return [
        offset.group,
        offset.topic,
        offset.partition,
        offset.leader_epoch,
        offset.current_offset,
        offset.log_end_offset,
        offset.lag,
        offset.consumer_id,
        offset.host,
        offset.client_id,
    ]


def _say_state(group: ShownGroup) -> None:
    if group.state in _REBALANCING:
        click.echo(f"Warning: Consumer group '{group.group_id}' is rebalancing.", err=True)
    elif not group.members:
        click.echo(f"Consumer group '{group.group_id}' has no active members.", err=True)


def _member(group: ShownGroup, member: ShownMember, *, with_assignment: bool) -> dict[str, Any]:
    row = {
        "GROUP": group.group_id,
        "CONSUMER-ID": member.member_id,
        "GROUP-INSTANCE-ID": member.instance_id,
        "HOST": member.host,
        "CLIENT-ID": member.client_id,
        "#PARTITIONS": len(member.partitions),
    }
    if with_assignment:
        row["CURRENT-EPOCH"] = member.epoch
        row["CURRENT-ASSIGNMENT"] = _assignment(member.partitions)
        row["TARGET-EPOCH"] = group.target_epoch
        row["TARGET-ASSIGNMENT"] = None if member.target is None else _assignment(member.target)
    return row


def _assignment(partitions: list[TopicPartition]) -> str:
    """Partitions by topic.

    >>> _assignment([TopicPartition("b", 1), TopicPartition("b", 0), TopicPartition("a", 2)])
    'a:2;b:0,1'
    """
    indexes = by_topic(sorted(partitions))
    return ";".join(f"{topic}:{','.join(map(str, found))}" for topic, found in indexes.items())


def _state(group: ShownGroup, coordinator: str, *, with_epochs: bool) -> dict[str, Any]:
    epochs = {"GROUP-EPOCH": group.epoch, "TARGET-ASSIGNMENT-EPOCH": group.target_epoch}
    return {
        "GROUP": group.group_id,
        "COORDINATOR (ID)": coordinator,
        "ASSIGNMENT-STRATEGY": group.strategy,
        "STATE": group.state,
        **(epochs if with_epochs else {}),
        "#MEMBERS": len(group.members),
    }


def _show(rows: Sequence[dict[str, Any]], *, as_json: bool, titles: Sequence[str] = ()) -> None:
    """A table whose titles are the keys, or JSON with the same names as identifiers."""
    if as_json:
        click.echo(json.dumps([{_identifier(key): row[key] for key in row} for row in rows], indent=2))
        return
    if not rows and not titles:
        return
    # Kafka shows the column of static members where there is one.
    titles = [
        key
        for key in titles or rows[0]
        if key != "GROUP-INSTANCE-ID" or any(row["GROUP-INSTANCE-ID"] is not None for row in rows)
    ]
    click.echo("\n" + table(titles, [[row[title] for title in titles] for row in rows]))


def _identifier(title: str) -> str:
    return title.lower().replace(" (id)", "").replace("#", "").replace("-", "_")
