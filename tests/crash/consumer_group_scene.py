"""What members of the consumer protocol were told holds in every state a crash can leave.

Owns: a workload in which partitions go from one member to another and back, and the check of an image: whoever was told
to have a partition is known to have it, nobody else gets it, and everybody goes on in the epoch it knows.
"""

from __future__ import annotations

from uuid import UUID

from streamz_core.broker.broker import Broker
from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    ConsumerGroupTopicPartitions,
)
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.broker_images import PATH

LEFT = -1


async def _beat(
    broker: Broker, member_id: str, epoch: int, owned: tuple[int, ...]
) -> ConsumerGroupHeartbeatResponse:
    topic_id: UUID = broker.directory.topics["t"].topic_id
    partitions = [ConsumerGroupTopicPartitions(topic_id=topic_id, partitions=owned)] if owned else []
    return await broker.handle(
        ConsumerGroupHeartbeatRequest(
            group_id="g",
            member_id=member_id,
            member_epoch=epoch,
            client_host="elsewhere",
            rebalance_timeout_ms=60_000,
            subscribed_topic_names=["t"],
            topic_partitions=partitions,
        )
    )


class ConsumerGroupScene:
    """A member that has all, one that comes and gets half, and goes again."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, tuple[int, ...]]] = {}

    async def play(self, recording: Recording) -> None:
        """Join, hand over, take over, leave."""
        broker = await Broker.open(recording.files, PATH, ManualClock())
        mark = recording.files.mark
        await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=2)]))
        told: dict[str, tuple[int, tuple[int, ...]]] = {}
        for member_id in ("one", "two", "one", "one", "two", "two", "leave two", "one", "one"):
            if member_id == "leave two":
                mark(("two", None))
                epoch, owned = told.pop("two")
                assert (await _beat(broker, "two", LEFT, owned)).member_epoch == LEFT
                continue
            epoch, owned = told.get(member_id, (0, ()))
            answer = await _beat(broker, member_id, epoch, owned)
            assert answer.error_code is ErrorCode.NONE
            if answer.assignment is not None:
                topics = answer.assignment.topic_partitions
                owned = tuple(number for topic in topics for number in topic.partitions)
            told[member_id] = (answer.member_epoch, owned)
            mark((member_id, told[member_id]))
        assert told["one"][1] == (0, 1)
        await broker.abandon()

    def hear(self, said: tuple[object, ...]) -> None:
        """What a member was told; None: it is about to leave."""
        member_id, told = said
        assert isinstance(member_id, str)
        if told is None:
            self._told.pop(member_id, None)
        else:
            self._told[member_id] = told  # type: ignore[assignment]

    async def check(self, files: RecordingFiles, story: str) -> None:
        """Everybody has what it was told to have, alone, and is heard in its epoch."""
        broker = await Broker.open(files, PATH, ManualClock())
        live = broker.groups.get("g")
        assert live is not None or not self._told, story
        if live is not None and self._told:
            group = live.group
            assert isinstance(group, ConsumerGroup), story
            held = [one for member in group.members.values() for one in member.held]
            assert len(held) == len(set(held)), story
            for member_id, (epoch, owned) in self._told.items():
                known = {one.partition for one in group.members[member_id].held}
                assert set(owned) <= known, story
                assert (await _beat(broker, member_id, epoch, owned)).error_code is ErrorCode.NONE, story
        await broker.abandon()
