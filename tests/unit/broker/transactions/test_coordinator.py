"""Transactions in a broker: who may write, what readers see, what is there after a restart."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from streamz_core.broker.transactions.state import PRODUCER_EPOCH_MAX, TransactionState, change
from streamz_core.errors import ErrorCode
from streamz_core.model import Durability
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest
from streamz_core.protocol.messages.sync_group import SyncGroupRequest
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles
from tests.unit.broker.transactions.producers import PENDING, Producer, committed, seen


async def test_offsets_do_not_outlive_the_records_they_pass_over(talk: Any, producer: Producer) -> None:
    await talk.produce("t", b"input", acks=1)
    assert talk.broker.log("t", 0).durable_offset == 0

    assert await producer.send_offset(1) is ErrorCode.NONE

    assert talk.broker.log("t", 0).durable_offset == 1


async def test_a_commit_shows_everything_at_once(talk: Any, producer: Producer) -> None:
    assert await producer.send(b"a") is ErrorCode.NONE
    assert await producer.send(b"b", 1) is ErrorCode.NONE
    assert await producer.send_offset(5) is ErrorCode.NONE
    assert await seen(talk) == await seen(talk, 1) == []
    assert await committed(talk) == PENDING
    assert await committed(talk, stable=False) == -1

    assert await producer.commit() is ErrorCode.NONE

    assert (await seen(talk), await seen(talk, 1)) == ([b"a"], [b"b"])
    assert await committed(talk) == 5


async def test_an_abort_shows_nothing(talk: Any, producer: Producer) -> None:
    await producer.send(b"a")
    await producer.send_offset(5)

    assert await producer.abort() is ErrorCode.NONE

    assert await seen(talk) == []
    assert await committed(talk) == -1
    await producer.send(b"b")
    await producer.commit()
    assert await seen(talk) == [b"b"]


async def test_every_end_raises_the_epoch(producer: Producer) -> None:
    producer_id, epoch = producer.identity
    await producer.send(b"a")
    await producer.commit()
    assert producer.identity == (producer_id, epoch + 1)
    await producer.send(b"b")
    await producer.abort()
    assert producer.identity == (producer_id, epoch + 2)
    await producer.abort()
    assert producer.identity == (producer_id, epoch + 3)


async def test_a_lost_answer_can_be_asked_for_again(talk: Any, producer: Producer) -> None:
    await producer.send(b"a")
    first = await producer.request_end(True)
    again = await producer.request_end(True)

    assert first == again
    assert first.error_code is ErrorCode.NONE
    assert (await producer.request_end(False)).error_code is ErrorCode.INVALID_TXN_STATE
    assert await seen(talk) == [b"a"]


async def test_repeated_ends_wait_for_the_one_under_way(talk: Any, producer: Producer) -> None:
    await producer.send(b"a")

    responses = await asyncio.gather(*(producer.request_end(True) for _ in range(5)))

    assert len({(r.error_code, r.producer_id, r.producer_epoch) for r in responses}) == 1
    assert responses[0].error_code is ErrorCode.NONE


async def test_an_end_goes_on_without_who_asked_for_it(talk: Any, producer: Producer) -> None:
    await producer.send(b"a")
    asking = asyncio.create_task(producer.request_end(True))
    await asyncio.sleep(0)
    asking.cancel()

    assert await producer.commit() is ErrorCode.NONE
    assert await seen(talk) == [b"a"]


async def test_nothing_late_touches_the_next_transaction(talk: Any, producer: Producer) -> None:
    late = producer.twin()
    await producer.send(b"a")
    await producer.commit()
    await producer.send(b"b")

    assert await late.send(b"late") is ErrorCode.INVALID_PRODUCER_EPOCH
    assert await late.send_offset(9) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert await late.commit() is ErrorCode.PRODUCER_FENCED
    assert await late.abort() is ErrorCode.PRODUCER_FENCED

    assert await seen(talk) == [b"a"]
    await producer.commit()
    assert await seen(talk) == [b"a", b"b"]


async def test_a_newcomer_fences_and_aborts(talk: Any, producer: Producer) -> None:
    await producer.send(b"old")
    newcomer = Producer(talk)

    assert await newcomer.init() is ErrorCode.NONE

    assert newcomer.producer_epoch > producer.producer_epoch
    assert await producer.send(b"late") is ErrorCode.INVALID_PRODUCER_EPOCH
    assert await producer.commit() is ErrorCode.PRODUCER_FENCED
    assert await producer.init(as_owner=True) is ErrorCode.PRODUCER_FENCED
    assert await newcomer.send(b"new") is ErrorCode.NONE
    assert await newcomer.commit() is ErrorCode.NONE
    assert await seen(talk) == [b"new"]


async def test_nobody_is_given_the_identity_of_another(talk: Any, producer: Producer) -> None:
    await producer.send(b"a")
    newcomers = [Producer(talk) for _ in range(4)]

    ended, *codes = await asyncio.gather(producer.request_end(True), *(each.init() for each in newcomers))

    identities = [each.identity for each in newcomers] + [(ended.producer_id, ended.producer_epoch)]
    assert ended.error_code is ErrorCode.NONE
    assert set(codes) == {ErrorCode.NONE}
    assert len(set(identities)) == 5
    assert await newcomers[-1].send(b"b") is ErrorCode.NONE


async def test_an_owner_may_ask_again_for_its_identity(producer: Producer) -> None:
    before = producer.twin()

    assert await producer.init(as_owner=True) is ErrorCode.NONE
    assert await before.init(as_owner=True) is ErrorCode.NONE

    assert before.identity == producer.identity


async def test_an_open_transaction_times_out(talk: Any) -> None:
    producer = Producer(talk)
    await producer.init(timeout_ms=5_000)
    await producer.send(b"a")
    await producer.send_offset(3)

    await talk.clock.advance(4_999)
    assert await committed(talk) == PENDING
    await talk.clock.advance(1)

    assert await seen(talk) == []
    assert await committed(talk) == -1
    assert await producer.send(b"b") is ErrorCode.TRANSACTION_ABORTABLE
    assert await producer.commit() is ErrorCode.TRANSACTION_ABORTABLE
    assert await producer.abort() is ErrorCode.NONE
    assert await producer.send(b"c") is ErrorCode.NONE
    assert await producer.commit() is ErrorCode.NONE
    assert await seen(talk) == [b"c"]


async def test_the_next_transaction_has_its_own_time(talk: Any) -> None:
    producer = Producer(talk)
    await producer.init(timeout_ms=5_000)
    for value in (b"a", b"b", b"c"):
        await producer.send(value)
        await talk.clock.advance(4_000)
        assert await producer.commit() is ErrorCode.NONE

    assert await seen(talk) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
async def test_timeouts_are_bounded(talk: Any, timeout_ms: int) -> None:
    assert await Producer(talk).init(timeout_ms=timeout_ms) is ErrorCode.INVALID_TRANSACTION_TIMEOUT


async def test_half_an_identity_is_none(talk: Any, producer: Producer) -> None:
    for producer_id, epoch in ((producer.producer_id, -1), (-1, 0)):
        request = InitProducerIdRequest(transactional_id="x", producer_id=producer_id, producer_epoch=epoch)
        assert (await talk.broker.handle(request)).error_code is ErrorCode.INVALID_REQUEST


async def test_who_never_asked_for_an_identity_is_unknown(talk: Any) -> None:
    stranger = Producer(talk, "nobody")
    stranger.identity = (5, 0)

    assert await stranger.send(b"a") is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert await stranger.send_offset(1) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert await stranger.commit() is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert await Producer(talk, "").init() is ErrorCode.INVALID_REQUEST
    assert await Producer(talk, "").commit() is ErrorCode.INVALID_REQUEST
    assert await Producer(talk, "x" * 40_000).init() is ErrorCode.INVALID_REQUEST


async def test_there_is_nothing_to_commit_before_something_is_written(producer: Producer) -> None:
    assert await producer.commit() is ErrorCode.INVALID_TXN_STATE


class TestZombies:
    async def _member(self, talk: Any, member_id: str = "") -> tuple[str, int]:
        joined = await talk.broker.handle(
            JoinGroupRequest(
                group_id="g",
                member_id=member_id,
                session_timeout_ms=10_000,
                protocols=[JoinGroupProtocol(name="range", metadata=b"")],
            )
        )
        request = SyncGroupRequest(
            group_id="g", generation_id=joined.generation_id, member_id=joined.member_id, assignments=[]
        )
        await talk.broker.handle(request)
        return joined.member_id, joined.generation_id

    async def test_a_commit_of_an_older_generation_is_refused(self, talk: Any, producer: Producer) -> None:
        member_id, generation_id = await self._member(talk)
        assert await producer.send_offset(1, "g", member_id, generation_id) is ErrorCode.NONE
        await producer.commit()
        await self._member(talk, member_id)

        assert await producer.send_offset(2, "g", member_id, generation_id) is ErrorCode.ILLEGAL_GENERATION
        assert await producer.send_offset(2, "g", "gone", generation_id + 1) is ErrorCode.UNKNOWN_MEMBER_ID
        assert await producer.send_offset(2, "none", "m", 1) is ErrorCode.ILLEGAL_GENERATION
        assert await producer.send_offset(2, "", "m", 1) is ErrorCode.INVALID_GROUP_ID

        assert await committed(talk) == 1

    async def test_a_refused_commit_does_not_take_part_in_the_transaction(
        self, talk: Any, producer: Producer
    ) -> None:
        await self._member(talk)
        await producer.send_offset(2, "g", "gone", 1)

        assert await producer.commit() is ErrorCode.INVALID_TXN_STATE


class TestRestarts:
    async def test_a_committed_transaction_stays(self, producer: Producer, restarted: Any) -> None:
        await producer.send(b"a")
        await producer.send_offset(5)
        await producer.commit()

        talk = await restarted(producer)

        assert await seen(talk) == [b"a"]
        assert await committed(talk) == 5
        assert await producer.send(b"b") is ErrorCode.NONE
        assert await producer.commit() is ErrorCode.NONE
        assert await seen(talk) == [b"a", b"b"]

    @pytest.mark.parametrize("cleanly", [True, False])
    async def test_an_open_transaction_goes_on(
        self, producer: Producer, restarted: Any, cleanly: bool
    ) -> None:
        await producer.send(b"a")
        await producer.send(b"b", 1)
        await producer.send_offset(5)

        talk = await restarted(producer, cleanly=cleanly)

        assert await committed(talk) == PENDING
        assert await producer.send_offset(6) is ErrorCode.NONE
        assert await producer.commit() is ErrorCode.NONE
        assert (await seen(talk), await seen(talk, 1)) == ([b"a"], [b"b"])
        assert await committed(talk) == 6

    async def test_an_abandoned_transaction_times_out(self, producer: Producer, restarted: Any) -> None:
        await producer.send(b"a")
        await producer.send(b"b", 1)
        await producer.talk.clock.advance(10_000)

        talk = await restarted(producer)
        other = Producer(talk, "y")
        await other.init()
        await other.send(b"c", 1)
        await other.commit()
        assert await seen(talk, 1) == []
        await talk.clock.advance(50_000)

        assert (await seen(talk), await seen(talk, 1)) == ([], [b"c"])

    async def test_the_owner_that_comes_back_aborts_at_once(self, producer: Producer, restarted: Any) -> None:
        await producer.send(b"a")
        await producer.send_offset(5)
        talk = await restarted(producer)
        newcomer = Producer(talk)

        assert await newcomer.init() is ErrorCode.NONE

        assert newcomer.producer_epoch > producer.producer_epoch
        assert await committed(talk) == -1
        await newcomer.send(b"b")
        await newcomer.commit()
        assert await seen(talk) == [b"b"]

    async def test_what_was_decided_is_finished(self, talk: Any, producer: Producer, restarted: Any) -> None:
        await producer.send(b"a")
        await producer.send_offset(5)
        coordinator = talk.broker.transactions
        live = coordinator._table["x"]
        decided = change(
            live.transaction,
            state=TransactionState.PREPARE_COMMIT,
            producer_epoch=live.transaction.producer_epoch + 1,
        )
        coordinator._log.write(decided)

        again = await restarted(producer)

        assert await seen(again) == [b"a"]
        assert await committed(again) == 5
        assert await producer.commit() is ErrorCode.NONE

    async def test_epochs_roll_the_producer_id(self, talk: Any, producer: Producer, restarted: Any) -> None:
        live = talk.broker.transactions._table["x"]
        live.transaction = change(live.transaction, producer_epoch=PRODUCER_EPOCH_MAX)
        producer.identity = (producer.producer_id, PRODUCER_EPOCH_MAX)
        before = producer.twin()
        await producer.send(b"a")
        assert await producer.commit() is ErrorCode.NONE
        assert producer.producer_epoch == 0
        assert producer.producer_id != before.producer_id

        again = await restarted(producer, before)

        assert (await before.request_end(True)).producer_id == producer.producer_id
        assert await before.send(b"late") is ErrorCode.INVALID_PRODUCER_EPOCH
        await producer.send(b"b")
        assert await producer.commit() is ErrorCode.NONE
        assert await seen(again) == [b"a", b"b"]

    async def test_ids_are_forgotten_after_long_silence(self, producer: Producer, restarted: Any) -> None:
        await producer.send(b"a")
        await producer.commit()
        idle = Producer(producer.talk, "idle")
        await idle.init()
        talk = await restarted(producer, idle, cleanly=True)
        talk.clock.jump_wall(8 * 86_400_000)
        await producer.send(b"b")

        talk.broker.transactions.expire_ids()

        assert [t.transactional_id for t in talk.broker.transactions.transactions()] == ["x"]
        assert await idle.send(b"c") is ErrorCode.INVALID_PRODUCER_ID_MAPPING
        await restarted(producer, idle, cleanly=True)
        assert await idle.commit() is ErrorCode.INVALID_PRODUCER_ID_MAPPING
        assert await idle.init(as_owner=True) is ErrorCode.NONE

    async def test_a_clock_that_jumps_forgets_nobody_who_is_here(self, producer: Producer) -> None:
        await producer.send(b"a")
        await producer.commit()
        producer.talk.clock.jump_wall(30 * 86_400_000)
        producer.talk.broker.transactions.expire_ids()

        assert await producer.send(b"b") is ErrorCode.NONE
        assert await producer.commit() is ErrorCode.NONE


class TestFaults:
    def _faulty(self, files: Any, call: str, number: int) -> FaultyFiles:
        fault = next(f for f in FAULTS if call in f.calls and f.errno == number and len(f.calls) <= 2)
        return FaultyFiles(files, fault, at_call=0, persistent=True)

    async def test_a_failed_sync_of_the_decision_leaves_it_unknown(
        self, open_broker: Any, files: Any
    ) -> None:
        faulty = self._faulty(files, "datasync", errno.EIO)
        talk = await open_broker(files=faulty)
        await talk.create("t", 2)
        producer = Producer(talk)
        await producer.init()
        await producer.send(b"a")
        faulty._at_call = faulty.calls + 1

        # Nobody knows whether it is committed: the client must ask the same until somebody does.
        assert await producer.commit() is ErrorCode.COORDINATOR_NOT_AVAILABLE
        assert await producer.commit() is ErrorCode.CONCURRENT_TRANSACTIONS
        assert await producer.abort() is ErrorCode.INVALID_TXN_STATE
        assert await seen(talk) == []

        faulty.heal()
        await talk.broker.abandon()
        again = await open_broker(files=files)
        producer.talk = again
        assert await seen(again) in ([], [b"a"])
        assert await producer.commit() is ErrorCode.NONE
        assert await seen(again) == [b"a"]

    async def test_data_that_cannot_be_made_durable_asks_for_an_abort(
        self, open_broker: Any, files: Any
    ) -> None:
        faulty = self._faulty(files, "datasync", errno.EIO)
        talk = await open_broker(files=faulty)
        await talk.create("t", 1)
        producer = Producer(talk)
        await producer.init()
        producer.acks = 1
        await producer.send(b"a")
        faulty._at_call = faulty.calls + 1

        assert await producer.commit() is ErrorCode.TRANSACTION_ABORTABLE
        assert await seen(talk) == []

    async def test_a_full_disk_is_waited_for(self, open_broker: Any, files: Any) -> None:
        faulty = self._faulty(files, "write_at", errno.ENOSPC)
        talk = await open_broker(files=faulty)
        await talk.create("t", 2)
        producer = Producer(talk)
        await producer.init()
        await producer.send(b"a")
        await producer.send_offset(5)

        faulty._at_call = faulty.calls + 1
        assert await producer.commit() is ErrorCode.KAFKA_STORAGE_ERROR
        assert await committed(talk) == PENDING
        faulty.heal()
        faulty._at_call = 0
        await talk.clock.advance(10_000)

        assert await producer.commit() is ErrorCode.NONE
        assert await seen(talk) == [b"a"]
        assert await committed(talk) == 5

    async def test_a_full_disk_after_the_decision_delays_it_only(self, open_broker: Any, files: Any) -> None:
        for nth in range(1, 8):
            faulty = self._faulty(files, "write_at", errno.ENOSPC)
            talk = await open_broker(files=faulty)
            await talk.create("t", 2)
            producer = Producer(talk)
            await producer.init()
            before = await seen(talk)
            await producer.send(b"a")
            await producer.send_offset(nth)

            faulty._at_call = faulty.calls + nth
            code = await producer.commit()
            faulty.heal()
            await talk.clock.advance(10_000)

            unknown = (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.COORDINATOR_NOT_AVAILABLE)
            assert code in (ErrorCode.NONE, *unknown)
            assert code is ErrorCode.NONE or await producer.commit() is ErrorCode.NONE
            assert await seen(talk) == [*before, b"a"]
            assert await committed(talk) == nth
            await talk.broker.close()

    async def test_a_topic_deleted_meanwhile_holds_nothing_up(self, talk: Any, producer: Producer) -> None:
        await talk.create("gone")
        await producer.send(b"a")
        await producer.send(b"b", 0, "gone")
        talk.broker.directory.delete_topic("gone")

        assert await producer.commit() is ErrorCode.NONE
        assert await seen(talk) == [b"a"]


async def test_transactions_are_whole_at_the_os_level(open_broker: Any) -> None:
    talk = await open_broker(durability=Durability.OS)
    await talk.create("t", 2)
    producer = Producer(talk)
    await producer.init()
    await producer.send(b"a")
    await producer.send_offset(5)

    assert await producer.commit() is ErrorCode.NONE

    assert await seen(talk) == [b"a"]
    assert await committed(talk) == 5
