"""A transaction is all or nothing in every state a crash can leave.

Owns: a workload of transactions over two partitions and a group's offsets, and the check of an image:
what was answered before the crash holds, and each transaction shows all of itself or nothing (T1, T2, T5),
nobody's last stable offset hangs (T6), the identity that was told last goes on (T3, T7).
"""

from __future__ import annotations

from streamz_core.broker.broker import Broker
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.broker_images import PATH
from tests.crash.transactional_client import Client

OUTCOMES = (True, False, True, True)
"""Of the workload's transactions; transaction n commits the offset n + 1."""


class TransactionScene:
    """Four transactions of one producer; the second is aborted."""

    def __init__(self, version: TransactionVersion = TransactionVersion.V2) -> None:
        self._version = version
        self._is_ready = False
        self._epoch = -1
        self._begun: set[object] = set()
        self._committed: set[object] = set()
        self._aborted: set[object] = set()

    async def play(self, recording: Recording) -> None:
        """Begin and end each, leaving a mark when it is begun and when its end was answered."""
        broker = await Broker.open(recording.files, PATH, ManualClock())
        await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=2)]))
        client = Client(broker, self._version)
        await client.init()
        recording.files.mark(("ready", client.identity[1]))
        for number, committed in enumerate(OUTCOMES):
            recording.files.mark(("begun", number))
            await client.write(number)
            await client.end(committed)
            recording.files.mark(("committed" if committed else "aborted", number))
            recording.files.mark(("ready", client.identity[1]))
        await broker.abandon()

    def hear(self, said: tuple[object, ...]) -> None:
        """What the broker answered."""
        what, number = said
        if what == "ready":
            assert isinstance(number, int)
            self._is_ready, self._epoch = True, number
        else:
            {"begun": self._begun, "committed": self._committed, "aborted": self._aborted}[what].add(number)

    async def check(self, files: RecordingFiles, story: str) -> None:
        broker = await Broker.open(files, PATH, ManualClock())
        if broker.log("t", 0) is None:
            assert not self._is_ready, story
            await broker.abandon()
            return
        client = Client(broker, self._version)
        await client.init()  # the owner comes back: whatever it left open is aborted
        assert client.identity[1] > self._epoch, story

        seen = await client.read(0)
        assert seen == await client.read(1), story
        assert seen == sorted(set(seen)), story
        assert self._committed <= set(seen), story
        assert not self._aborted & set(seen), story
        assert set(seen) <= self._begun, story
        assert await client.committed_offset() == (max(seen) + 1 if seen else -1), story

        await client.write(9)
        await client.end(True)
        assert await client.read(0) == await client.read(1) == [*seen, 9], story
        assert await client.committed_offset() == 10, story
        await broker.abandon()
