"""What a worker does when the process that owned the log is gone, whoever noticed it first."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.app import worker
from streamz_core.client.errors import ConnectionLost
from streamz_core.clock import SystemClock


class Gone(Exception):
    """How a test sees that the process would have been replaced."""


class Conf:
    def milliseconds(self, _: str) -> int:
        return 60_000


class StubApp:
    """An app that fails as a test says."""

    id = "stub"
    conf = Conf()
    clock = SystemClock()

    def __init__(self, failure: BaseException, *, at_start: bool = False) -> None:
        self.failure = failure
        self.at_start = at_start
        self.stopped = False

    async def start(self) -> None:
        if self.at_start:
            raise self.failure

    async def wait_failed(self) -> BaseException:
        await asyncio.sleep(0)
        return self.failure

    async def stop(self) -> None:
        self.stopped = True


def begin_anew(is_stopping: bool) -> None:
    raise Gone(is_stopping)


def wrapped() -> BaseException:
    try:
        raise RuntimeError("task 0 of views failed") from ConnectionLost("gone")
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    "app",
    [StubApp(ConnectionLost("gone")), StubApp(wrapped()), StubApp(ConnectionLost("gone"), at_start=True)],
)
async def test_it_begins_anew_without_stopping(app):
    with pytest.raises(Gone) as gone:
        await worker.run(app, begin_anew)
    assert gone.value.args == (False,)
    assert not app.stopped, "there is nothing left to commit to"


async def test_any_other_failure_stops_it_and_is_raised():
    app = StubApp(RuntimeError("no"))
    with pytest.raises(RuntimeError, match="no"):
        await worker.run(app, begin_anew)
    assert app.stopped


async def test_without_a_way_to_begin_anew_it_is_a_failure():
    with pytest.raises(ConnectionLost):
        await worker.run(StubApp(ConnectionLost("gone")))
