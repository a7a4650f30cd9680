"""A transaction is all or nothing in every state a crash can leave.

Owns: a workload of transactions over two partitions and a group's offsets, and the check of an image:
what was answered before the crash holds, and each transaction shows all of itself or nothing (T1, T2, T5),
nobody's last stable offset hangs (T6), the identity that was told last goes on (T3, T7). Either the owner
starts anew, or it has outlived the crash, elsewhere, and asks its last question again (T10).
"""

from __future__ import annotations

from typing import Any

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

    def __init__(
        self,
        version: TransactionVersion = TransactionVersion.V2,
        *,
        owner_stays: bool = False,
        acks: int = -1,
    ) -> None:
        """With ``acks`` of 1, as clients other than ours may have it, only a commit makes records durable."""
        self._version = version
        self._acks = acks
        self._owner_stays = owner_stays
        self._is_ready = False
        self._identity = (-1, -1)
        self._sequence = 0
        self._begun: set[int] = set()
        self._written: set[int] = set()
        self._committed: set[int] = set()
        self._aborted: set[int] = set()

    async def play(self, recording: Recording) -> None:
        """Begin and end each, leaving a mark when it is begun, written, and when its end was answered."""
        broker = await Broker.open(recording.files, PATH, ManualClock())
        await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=2)]))
        client = Client(broker, self._version, acks=self._acks)
        await client.init()
        recording.files.mark(("ready", client.identity, client.sequence))
        for number, committed in enumerate(OUTCOMES):
            recording.files.mark(("begun", number))
            await client.write(number)
            recording.files.mark(("written", number))
            await client.end(committed)
            recording.files.mark(("committed" if committed else "aborted", number))
            recording.files.mark(("ready", client.identity, client.sequence))
        await broker.abandon()

    def hear(self, said: tuple[Any, ...]) -> None:
        """What the broker answered."""
        what, *told = said
        if what == "ready":
            self._is_ready = True
            self._identity, self._sequence = told
        else:
            numbers = {
                "begun": self._begun,
                "written": self._written,
                "committed": self._committed,
                "aborted": self._aborted,
            }
            numbers[what].update(told)

    async def check(self, files: RecordingFiles, story: str) -> None:
        broker = await Broker.open(files, PATH, ManualClock())
        if broker.log("t", 0) is None:
            assert not self._is_ready, story
            await broker.abandon()
            return
        client = Client(broker, self._version, acks=self._acks)
        if self._owner_stays and self._is_ready:
            await self._ask_again(client)
        else:
            await client.init()  # the owner comes back: whatever it left open is aborted
            assert client.identity > self._identity, story
        await self._check_whole(client, story)
        await broker.abandon()

    async def _ask_again(self, client: Client) -> None:
        """Ask for the end that was not answered again; give up a transaction that was not all written."""
        client.identity, client.sequence = self._identity, self._sequence
        unanswered = self._written - self._committed - self._aborted
        if unanswered:
            client.sequence += 1
            await client.end(OUTCOMES[max(unanswered)])
        elif self._begun - self._written:
            await client.init()

    async def _check_whole(self, client: Client, story: str) -> None:
        seen = await client.read(0)
        assert seen == await client.read(1), story
        assert seen == sorted(set(seen)), story
        assert self._committed <= set(seen), story
        assert not self._aborted & set(seen), story
        assert set(seen) <= self._begun, story
        if self._owner_stays and self._is_ready:  # as it asked for, or asked for again
            assert set(seen) == {number for number in self._written if OUTCOMES[number]}, story
        assert await client.committed_offset() == (max(seen) + 1 if seen else -1), story

        await client.write(9)
        await client.end(True)
        assert await client.read(0) == await client.read(1) == [*seen, 9], story
        assert await client.committed_offset() == 10, story
