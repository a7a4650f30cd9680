"""Owns: what of a connection is answered when, and what becomes of it at the end."""

import asyncio
import itertools

import pytest

from streamz_core.server.call import ConnectionEnded
from streamz_core.server.conversation import Conversation
from streamz_core.server.session import Session
from tests.unit.server.fakes import ListOutlet, ScriptedAnswers, frame, settle


class Talk:
    """A conversation that runs, with its ends in a test's hands."""

    def __init__(self, overlap_max: int = 4) -> None:
        self.answers = ScriptedAnswers()
        self.outlet = ListOutlet()
        self.rests = 0
        self.conversation = Conversation(
            Session("/127.0.0.1"),
            self.answers,
            self.outlet,
            overlap_max=overlap_max,
            on_none_waiting=self._rested,
        )
        self.task = asyncio.create_task(self.conversation.run())

    def _rested(self) -> None:
        self.rests += 1

    async def say(self, *texts: str) -> None:
        self.conversation.feed([frame(text) for text in texts])
        await settle()

    @property
    def sent(self) -> list[str]:
        return [data.decode() for data in self.outlet.sent]


@pytest.fixture
async def talk():
    talk = Talk()
    await settle()
    yield talk
    talk.task.cancel()
    await asyncio.wait([talk.task])


async def test_requests_are_answered_in_their_order(talk):
    await talk.say("one", "two")
    await talk.say("three")

    assert talk.sent == ["one", "two", "three"]


async def test_a_wait_holds_up_what_comes_behind_it(talk):
    await talk.say("wait fetch", "heartbeat")

    assert talk.answers.begun == ["fetch"]
    assert talk.conversation.waiting == 1

    talk.answers.let("fetch")
    await settle()

    assert talk.sent == ["fetch", "heartbeat"]


async def test_produces_wait_for_the_disk_together_and_are_answered_in_order(talk):
    await talk.say("sync one", "sync two", "sync three")
    assert talk.answers.begun == ["one", "two", "three"]

    talk.answers.let("two")
    await settle()
    assert talk.sent == []

    talk.answers.let("one")
    await settle()
    assert talk.sent == ["one", "two"]


async def test_nothing_else_begins_while_a_produce_waits(talk):
    await talk.say("sync one", "sync two", "offsets", "sync three")

    talk.answers.let("two")
    await settle()
    assert talk.answers.begun == ["one", "two"]

    talk.answers.let("one")
    await settle()
    assert talk.sent == ["one", "two", "offsets"]
    assert talk.answers.begun == ["one", "two", "offsets", "three"]


async def test_so_many_produces_wait_and_no_more():
    talk = Talk(overlap_max=2)
    await talk.say("sync one", "sync two", "sync three")
    assert talk.answers.begun == ["one", "two"]

    talk.answers.let("one")
    await settle()

    assert talk.answers.begun == ["one", "two", "three"]
    talk.task.cancel()
    await asyncio.wait([talk.task])


async def test_a_request_that_wants_no_answer_gets_none(talk):
    await talk.say("quiet one", "two")

    assert talk.sent == ["two"]
    assert talk.conversation.answered == 2


async def test_nothing_begins_while_the_peer_does_not_read(talk):
    talk.outlet.room.clear()
    await talk.say("one", "two")
    assert talk.sent == ["one"]

    talk.outlet.room.set()
    await settle()

    assert talk.sent == ["one", "two"]


async def test_others_have_their_turn(talk):
    sent = [0]
    talk.conversation.feed([frame(f"{n}") for n in range(30)])
    while sent[-1] < 30:
        await asyncio.sleep(0)
        sent.append(len(talk.sent))

    assert max(after - before for before, after in itertools.pairwise(sent)) == 1


async def test_what_waits_is_counted(talk):
    await talk.say("wait fetch", "four", "three")
    assert (talk.conversation.waiting, talk.conversation.waiting_bytes) == (2, 9)
    before = talk.rests

    talk.answers.let("fetch")
    await settle()

    assert (talk.conversation.waiting, talk.conversation.waiting_bytes) == (0, 0)
    assert talk.rests == before + 1
    assert talk.conversation.is_idle


async def test_bytes_that_are_no_request_end_it(talk):
    await talk.say("one", "bad", "two")

    with pytest.raises(ConnectionEnded, match="no request"):
        await talk.task
    assert talk.sent == ["one"]


@pytest.mark.parametrize("first", ["sync", "slow"])
async def test_who_sends_no_more_is_answered_to_the_end(talk, first):
    await talk.say(f"{first} one", "two")
    talk.conversation.end()
    await settle()

    talk.answers.let("one")
    await talk.task

    assert talk.sent == ["one", "two"]


async def test_broken_off_it_gives_up_waits_and_begins_nothing(talk):
    await talk.say("wait fetch", "two")

    talk.conversation.break_off()
    await asyncio.wait([talk.task])

    assert talk.answers.given_up == ["fetch"]
    assert talk.answers.begun == ["fetch"]


@pytest.mark.parametrize("kind", ["slow", "sync"])
async def test_broken_off_it_finishes_what_has_begun(talk, kind):
    await talk.say(f"{kind} join", "two")

    talk.conversation.break_off()
    await settle()
    assert not talk.task.done()
    talk.answers.let("join")
    await talk.task

    assert talk.sent == ["join"]
    assert talk.answers.given_up == []


async def test_what_goes_wrong_while_others_wait_ends_it_and_their_answers_are_not_sent():
    talk = Talk()
    await talk.say("sync one", "sync two")
    talk.answers.open["one"].set_exception(ConnectionEnded("the disk is gone"))
    talk.answers.let("two")
    await settle()

    assert talk.sent == []
    assert isinstance(talk.task.exception(), ConnectionEnded)
