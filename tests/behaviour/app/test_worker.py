"""An app as a process: signals, exit codes, what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
APP = '''
import asyncio, os, sys
from streamz_core import App, Record

class View(Record):
    page: str

app = App("views", broker=f"file://{os.getcwd()}/data")
topic = app.topic("views", value_type=View)
counts = app.Table("counts", default=int, help="views by page")

@app.agent(topic)
async def count(stream):
    """Counts."""
    async for view in stream:
        counts[view.page] += 1
        print(view.page, counts[view.page], flush=True)
        if view.page == "/fail":
            raise ValueError("cannot be")

@app.on_started.connect
async def started(app):
    print("ready", flush=True)

@app.on_before_shutdown.connect
async def stopping(app):
    print("stopping", flush=True)
    if os.environ.get("STUCK"):
        await asyncio.Event().wait()

if __name__ == "__main__":
    app.main()
'''


@pytest.fixture
def script(tmp_path):
    (tmp_path / "views.py").write_text(APP)
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "views.py", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return (line.strip() for line in process.stdout)


def output(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return out if code == 0 else err


def test_sigterm_ends_a_worker_gracefully_and_the_next_one_goes_on(script):
    assert output(script("send", "views", '{"page":"/a"}', "--key", "k")) == "views-0 offset 0\n"
    worker = script("worker", "-l", "info")
    said = lines(worker)
    assert [next(said), next(said)] == ["ready", "/a 1"]
    worker.send_signal(signal.SIGTERM)
    output(worker)

    assert output(script("send", "@count", '{"page":"/a"}')) == "views-0 offset 1\n"
    worker = script("worker")
    said = lines(worker)
    assert [next(said), next(said)] == ["ready", "/a 2"]
    worker.send_signal(signal.SIGINT)
    output(worker)


def test_a_failing_agent_ends_the_worker_with_the_reason(script):
    output(script("send", "views", '{"page":"/fail"}'))

    err = output(script("worker"), code=1)
    assert "error: processor 'count' of app 'views' failed on topic 'views' partition 0 offset 0" in err
    assert "cannot be" in err
    assert "Traceback" not in err


def test_a_second_signal_does_not_wait(script):
    worker = script("worker", STUCK="1")
    said = lines(worker)
    assert next(said) == "ready"
    worker.send_signal(signal.SIGTERM)
    # One signal at a time: where they come faster than they are handled, Python complains on standard error,
    # more than the pipe holds that nobody reads, and the worker waits there for ever.
    assert next(said) == "stopping"

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == -signal.SIGTERM


def test_two_signals_at_once_are_two(script):
    worker = script("worker", STUCK="1")
    said = lines(worker)
    assert next(said) == "ready"
    for number in (signal.SIGTERM, signal.SIGINT):  # two of the same may become one on their way
        worker.send_signal(number)

    assert worker.wait(timeout=60) in (-signal.SIGTERM, -signal.SIGINT)


def test_a_stop_that_takes_too_long_is_given_up_with_an_error(script):
    worker = script("worker", STUCK="1", STREAMZ_SHUTDOWN_TIMEOUT="0.2")
    said = lines(worker)
    assert next(said) == "ready"
    worker.send_signal(signal.SIGTERM)

    reason = "stopping app 'views' (setting 'shutdown_timeout') took longer than 200 ms"
    assert reason in output(worker, code=1)


def test_agents_and_tables_are_listed(script):
    assert output(script("agents")) == "count\tviews\tCounts.\n"
    assert output(script("tables")) == "counts\tplain\tviews by page\n"


def test_a_broker_that_is_no_address_is_a_usage_error(script):
    assert "nowhere://x" in output(script("worker", STREAMZ_BROKER="nowhere://x"), code=2)


def test_an_unknown_agent_is_named(script):
    assert "no agent '@conut'; there are: count" in output(script("send", "@conut", "1"), code=2)
