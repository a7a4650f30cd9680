"""Rebalances of 10 members over 100 partitions, in one process, on a log on disk.

From the moment a member comes (``start()``), goes (``stop()``) or falls silent (its session is over) until
every partition has an owner again and every member its even share. Sessions and heartbeats have their
default length, so a rebalance that is not noticed at once takes seconds. Times include the fdatasync that makes
an assignment durable before anybody gets it; a cooperative rebalance that moves partitions is two.

Reference: what of it must be done in any case: the assignor's work, and writing and syncing as many bytes as
the group's record has.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.figures import Figure
from benchmarks.setting import Setting
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.consumer.assignors.cooperative_sticky import CooperativeStickyPartitionAssignor
from streamz_core.client.consumer.assignors.roundrobin import RoundRobinPartitionAssignor
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.metadata import ClusterMetadata
from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberMetadata
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity

TOPIC, GROUP = "shared", "sharers"
MEMBERS, PARTITIONS, TARGET_MS = 10, 100, 20.0
TURNS = 5
STUCK_AFTER_S = 30


class Members:
    """The members of one group, and when all of them have settled."""

    def __init__(self, address: str, assignor: type) -> None:
        self._address = address
        self._assignor = assignor
        self._changed = asyncio.Event()
        self.consumers: list[AIOKafkaConsumer] = []

    def make(self) -> AIOKafkaConsumer:
        """One more member, to be started."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address, group_id=GROUP, partition_assignment_strategy=[self._assignor]
        )
        consumer.subscribe([TOPIC], listener=self)
        self.consumers.append(consumer)
        return consumer

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing to do."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Look again."""
        self._changed.set()

    async def settled(self) -> None:
        """Return once the partitions are shared out among the members there are."""
        async with asyncio.timeout(STUCK_AFTER_S):
            while not self._is_settled():
                self._changed.clear()
                await self._changed.wait()
                await asyncio.sleep(0)

    def _is_settled(self) -> bool:
        shares = [consumer.assignment() for consumer in self.consumers]
        is_complete = sum(map(len, shares)) == len(set().union(*shares)) == PARTITIONS
        return is_complete and min(map(len, shares)) >= PARTITIONS // len(shares)


async def rebalance(setting: Setting) -> list[Figure]:
    """One member comes, one goes, one dies; with the default assignor and with the cooperative one."""
    figures = []
    with setting.scratch() as directory:
        reference_ms = _reference_ms(directory)
        for name, assignor in (
            ("eager", RoundRobinPartitionAssignor),
            ("cooperative", CooperativeStickyPartitionAssignor),
        ):
            found = await _measured(f"file://{directory}/{name}", assignor)
            for what, times in found.items():
                figures.append(
                    Figure(f"rebalance, {name}, {what}", median(times), reference_ms, "ms", at_most=TARGET_MS)
                )
    return figures


async def _measured(address: str, assignor: type) -> dict[str, list[float]]:
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        (await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])).raise_for_errors()
        members = Members(address, assignor)
        found: dict[str, list[float]] = {"a member comes": [], "one goes": [], "one dies": []}
        await asyncio.gather(*(members.make().start() for _ in range(MEMBERS - 1)))
        await members.settled()
        for _ in range(TURNS):
            found["a member comes"].append(await _timed(members, members.make().start()))
            found["one goes"].append(await _timed(members, members.consumers.pop(0).stop()))
            await members.make().start()
            await members.settled()
            found["one dies"].append(await _timed(members, _session_over(members.consumers.pop(0))))
        await asyncio.gather(*(consumer.stop() for consumer in members.consumers))
    return found


async def _timed(members: Members, change: Any) -> float:
    began = perf_counter()
    await asyncio.gather(change, members.settled())
    return (perf_counter() - began) * 1_000


async def _session_over(consumer: AIOKafkaConsumer) -> None:
    """As at the end of its session: the coordinator puts the member out, which does nothing any more."""
    member = consumer.group_metadata()
    link = consumer._link  # noqa: SLF001 - a consumer that dies has no method for it
    assert link is not None
    await consumer._background.close()  # noqa: SLF001
    await link.send(LeaveGroupRequest(group_id=GROUP, members=[MemberIdentity(member_id=member.member_id)]))


def _reference_ms(directory: str) -> float:
    cluster = ClusterMetadata()
    cluster.partitions_for_topic = lambda topic: set(range(PARTITIONS))  # type: ignore[method-assign, assignment]
    members = {f"m{number}": ConsumerProtocolMemberMetadata(0, [TOPIC]) for number in range(MEMBERS)}
    times = []
    with open(os.path.join(directory, "reference"), "wb") as file:
        for _ in range(TURNS):
            began = perf_counter()
            shares = RoundRobinPartitionAssignor().assign(cluster, members)
            file.write(b"".join(share.encode() for share in shares.values()))
            file.flush()
            os.fdatasync(file.fileno())
            times.append((perf_counter() - began) * 1_000)
    return median(times)


ROWS: dict[str, Callable[[Setting], Any]] = {"rebalance": rebalance}
