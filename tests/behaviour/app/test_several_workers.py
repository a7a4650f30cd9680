"""Several processes of one app: they share partitions, and it goes on whichever of them is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
USERS = 40
APP = """
import os
from streamz_core import App

app = App("views", broker=os.environ.get("BROKER", f"file://{os.getcwd()}/data"))
topic = app.topic("views", value_type=str, partitions=4)
seen = app.Table("seen", default=int)
out = app.topic("out", value_type=dict, partitions=1)

@app.agent(topic)
async def count(stream):
    async for user in stream:
        seen[user] += 1
        await out.send(value={"user": user, "n": seen[user], "pid": os.getpid()})

@app.on_started.connect
async def started(app):
    print(f"ready {os.getpid()}", flush=True)

@app.on_before_shutdown.connect
async def stopping(app):
    print(f"stopping {os.getpid()}", flush=True)

if __name__ == "__main__":
    app.main()
"""


class Bench:
    """Worker processes of one app, and what goes in and comes out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "views.py").write_text(APP)
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, program=("views.py",), **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def streamz(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "streamz_core", *arguments, "--bootstrap-server", "./data"],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def view(self, times: int = 1) -> None:
        """Every user views a page."""
        lines = "".join(f"u{n}:u{n}\n" for n in range(USERS)) * times
        options = ["--property", "parse.key=true", "--property", "key.separator=:"]
        self.streamz("console-producer", "--topic", "views", *options, stdin=lines)

    def outputs(self, count: int) -> list[dict]:
        """So many outputs, all that there are."""
        options = ["--from-beginning", "--isolation-level", "read_committed", "--max-messages", str(count)]
        lines = self.streamz("console-consumer", "--topic", "out", *options).splitlines()
        return [json.loads(line) for line in lines]

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.end()


def ready(worker: subprocess.Popen[str]) -> int:
    """Wait until a worker says that it is ready; its pid."""
    word, pid = worker.stdout.readline().split()
    assert word == "ready"
    return int(pid)


def counted(outputs: list[dict], times: int) -> set[int]:
    """That every user was counted so many times, one by one; the pids that did it."""
    numbers: dict[str, list[int]] = {}
    for one in outputs:
        numbers.setdefault(one["user"], []).append(one["n"])
    assert numbers == {f"u{n}": list(range(1, times + 1)) for n in range(USERS)}
    return {one["pid"] for one in outputs}


def test_a_second_worker_joins_and_one_that_is_killed_is_stood_in_for_at_once(bench):
    first = bench.start("worker")
    assert ready(first) == first.pid
    second = bench.start("worker")
    assert ready(second) == second.pid

    bench.view()
    assert counted(bench.outputs(USERS), 1) == {first.pid, second.pid}

    second.kill()
    bench.view()
    assert {one["pid"] for one in bench.outputs(2 * USERS)[USERS:]} == {first.pid}
    counted(bench.outputs(2 * USERS), 2)


def test_the_owner_of_the_log_is_stood_in_for_by_another_worker(bench):
    owner = bench.start("worker")
    ready(owner)
    other = bench.start("worker")
    ready(other)
    bench.view()
    bench.outputs(USERS)

    owner.kill()
    assert ready(other) == other.pid  # it has begun anew, in the same process
    bench.view()

    outputs = bench.outputs(2 * USERS)
    counted(outputs, 2)
    assert {one["pid"] for one in outputs[USERS:]} == {other.pid}


def test_a_worker_whose_owner_stops_gracefully_takes_over(bench):
    owner = bench.start("worker")
    ready(owner)
    other = bench.start("worker")
    ready(other)

    owner.terminate()
    assert owner.wait(30) == 0
    assert ready(other) == other.pid
    bench.view()
    assert counted(bench.outputs(USERS), 1) == {other.pid}
    other.terminate()
    assert other.wait(30) == 0


def test_several_workers_are_minded_by_one_process(bench):
    minder = bench.start("worker", "--workers", "2")
    pids = {ready(minder), ready(minder)}
    assert minder.pid not in pids
    bench.view()
    assert counted(bench.outputs(USERS), 1) == pids

    killed = pids.pop()
    os.kill(killed, signal.SIGKILL)
    started = ready(minder)
    assert started not in (killed, *pids)
    bench.view()
    assert killed not in {one["pid"] for one in bench.outputs(2 * USERS)[USERS:]}
    counted(bench.outputs(2 * USERS), 2)

    minder.terminate()
    stopping = Counter(minder.stdout.read().split())
    assert minder.wait(30) == 0
    assert stopping == Counter(["stopping", str(started), "stopping", *map(str, pids)])


def test_the_streamz_command_runs_workers_too(bench):
    minder = bench.start("worker", "views:app", "--workers", "2", program=("-m", "streamz_core"))
    assert len({ready(minder), ready(minder), minder.pid}) == 3
    minder.terminate()
    assert minder.wait(30) == 0


def test_workers_end_with_the_process_that_minds_them(bench):
    minder = bench.start("worker", "--workers", "2")
    ready(minder)
    ready(minder)
    minder.kill()
    minder.stdout.read()  # until the last of them has closed it, which is when it ends


def test_what_is_in_memory_cannot_be_shared(bench):
    worker = bench.start("worker", "--workers", "2", BROKER="memory://x")
    assert worker.wait(30) == 2
    assert "memory://x is in the memory of one process" in worker.stderr.read()


def test_an_app_that_cannot_start_ends_all(bench):
    (bench.path / "views.py").write_text(APP.replace("app.main()", "raise SystemExit(2)", 1))
    worker = bench.start("worker", "--workers", "2")
    assert worker.wait(30) == 2


def test_the_command_line_works_on_a_directory_in_use(bench):
    ready(bench.start("worker"))
    bench.view()
    assert "views" in bench.streamz("topics", "--list").split()
    assert bench.streamz("groups", "--list") == "views\n"
