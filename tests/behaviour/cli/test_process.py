"""The command line as a process: signals, pipes, another owner of the directory, and how soon it is there."""

from __future__ import annotations

import os
import resource
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from streamz_core.client.local_link import open_link
from tests.certificates import Authority

ROOT = Path(__file__).parents[3]


@pytest.fixture
def streamz(tmp_path):
    """Start ``python -m streamz_core`` in a directory of its own, with a topic that has records."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **options) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamz_core", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **options,
            },
        )
        running.append(process)
        return process

    start("topics", "--create", "--topic", "t").communicate(timeout=30)
    yield start
    for process in running:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def produce(streamz, *lines: str) -> None:
    process = streamz("console-producer", "--topic", "t")
    _, err = process.communicate("".join(f"{line}\n" for line in lines).encode(), timeout=30)
    assert process.returncode == 0, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_commits_what_was_printed_and_exits_0(streamz, number):
    produce(streamz, "a", "b")
    reader = streamz("console-consumer", "--topic", "t", "--group", "g", "--from-beginning")
    assert [reader.stdout.readline(), reader.stdout.readline()] == [b"a\n", b"b\n"]

    reader.send_signal(number)
    out, err = reader.communicate(timeout=30)
    assert (reader.returncode, out, err) == (0, b"", b"Processed a total of 2 messages\n")
    described, _ = streamz("groups", "--describe", "--group", "g").communicate(timeout=30)
    assert described.splitlines()[2].split()[:6] == [b"g", b"t", b"0", b"2", b"2", b"0"]


def test_a_reader_of_the_output_that_goes_away_ends_it_quietly(streamz):
    produce(streamz, *("x" * 1000 for _ in range(500)))
    reader = streamz("console-consumer", "--topic", "t", "--group", "g", "--from-beginning")
    reader.stdout.readline()
    reader.stdout.close()

    assert (reader.wait(timeout=30), reader.stderr.read()) == (0, b"")
    again, _ = streamz(
        "console-consumer", "--topic", "t", "--group", "g", "--from-beginning", "--timeout-ms", "500"
    ).communicate(timeout=30)
    assert again, "what nobody read is not committed"


def test_a_list_into_a_closed_pipe_is_quiet(streamz):
    lister = streamz("topics", "--list")
    lister.stdout.close()

    assert (lister.wait(timeout=30), lister.stderr.read()) == (0, b"")


def test_lines_leave_while_more_input_is_awaited(streamz, tmp_path):
    producer = streamz("console-producer", "--topic", "t", "--request-required-acks", "1")
    producer.stdin.write(b"now\n")
    producer.stdin.flush()

    wait_until_written(producer, tmp_path, b"now")
    producer.stdin.close()
    assert producer.wait(timeout=30) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_producer_that_is_interrupted_sends_what_it_read_and_says_so(streamz, tmp_path, number):
    producer = streamz("console-producer", "--topic", "t", "--timeout", "60000", "--batch-size", "200")
    lines = [b"x" * 150, b"y" * 150, b"last"]
    producer.stdin.write(b"\n".join(lines) + b"\n")
    producer.stdin.flush()
    wait_until_written(producer, tmp_path, lines[0])  # its batch was full; the last one waits for more

    producer.send_signal(number)
    assert producer.wait(timeout=30) == 130
    assert producer.stderr.read() == b"Error: interrupted; what was read until then, 3 lines, is sent\n"
    said, _ = streamz(
        "console-consumer", "--topic", "t", "--from-beginning", "--max-messages", "3"
    ).communicate(timeout=30)
    assert said.splitlines() == lines


def wait_until_written(process: subprocess.Popen[bytes], path: Path, text: bytes) -> None:
    """Wait for ``text`` in the log; the test's time limit is the one of this wait."""
    while not any(text in log.read_bytes() for log in path.glob("data/log/t-0/*.log")):
        assert process.poll() is None


async def test_the_owner_of_a_directory_is_named(streamz, tmp_path):
    link = await open_link(f"file://{tmp_path / 'data'}")
    try:
        for verb in (
            ("topics", "--list"),
            ("groups", "--list"),
            ("check",),
            ("console-consumer", "--topic", "t"),
            ("console-producer", "--topic", "t"),
        ):
            process = streamz(*verb)
            out, err = process.communicate(b"x\n", timeout=30)
            assert (process.returncode, out) == (1, b"")
            assert f"is in use by process {os.getpid()}" in err.decode()
            assert err.startswith(b"Error: ")
            assert err.count(b"\n") == 1
    finally:
        await link.close()


def test_help_comes_before_anything_of_the_log_is_imported(streamz, tmp_path):
    code = (
        "import sys\n"
        "from streamz_core.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as ended:\n    assert ended.code == 0\n"
        "heavy = [name for name in sys.modules if name.startswith(('asyncio', 'streamz_core.', 'msgspec'))]\n"
        "assert heavy == ['streamz_core.cli', 'streamz_core.cli.main'], heavy\n"
    )

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: the wall clock of a busy machine says nothing.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.2


def test_the_shell_is_offered_verbs_and_flags(streamz, tmp_path):
    def complete(words: str, number: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "streamz_core"],
            check=False,
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(ROOT),
                "_STREAMZ_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(number),
            },
            capture_output=True,
            text=True,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("streamz con", 1) == ["configs", "console-producer", "console-consumer", "consumer-perf"]
    assert complete("streamz topics --cr", 2) == ["--create"]


def test_a_shell_is_given_its_completions(streamz):
    script, _ = streamz("completion", "bash").communicate(timeout=30)
    assert b"_STREAMZ_COMPLETE=bash_complete" in script


def test_a_second_server_of_a_directory_is_told_who_serves_it_and_where(streamz):
    server = streamz("server", "--listen", "127.0.0.1:0")
    address = server.stdout.readline().decode().split()[-1]

    second = streamz("server", "--listen", "127.0.0.1:0")
    _, err = second.communicate(timeout=30)

    assert second.returncode == 1
    assert f"open in process {server.pid}, which serves it at kafka://{address}" in err.decode()
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=30) == 0


def test_a_server_open_to_the_network_is_refused_before_anything_is_made(streamz, tmp_path):
    server = streamz("server", "--data", "new", "--listen", "0.0.0.0:0")
    _, err = server.communicate(timeout=30)

    assert server.returncode == 1
    assert b"no TLS and authentication" in err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("kafka-reassign-partitions.sh", "there is one broker"),
        ("kafka-log-dirs", "data directory"),
        ("topcs", "did you mean 'topics'?"),
    ],
)
def test_a_verb_that_is_not_there_says_what_to_do(streamz, verb, said):
    process = streamz(verb)

    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said in err.decode()


def test_each_verb_tells_the_version(streamz):
    out, _ = streamz("kafka-topics.sh", "--version").communicate(timeout=30)

    assert out.startswith(b"streamz ")


@pytest.mark.parametrize(
    "line",
    [
        "dump-log --deep-iteration --files data/log/t-0/00000000000000000000.log",
        "producer-perf --topic t --num-records 100000 --record-size 10 --reporting-interval 1",
        "consumer-perf --topic t --messages 400 --show-detailed-stats --reporting-interval 1",
        "kcat -b ./data -C -t t",
    ],
)
def test_figures_and_dumps_end_quietly_too_when_their_reader_goes_away(streamz, line):
    produce(streamz, *("x" * 1000 for _ in range(500)))
    writer = streamz(*line.split())
    writer.stdout.readline()
    writer.stdout.close()

    assert (writer.wait(timeout=60), writer.stderr.read()) == (0, b"")


def test_an_application_behind_a_port_that_nobody_serves_is_not_waited_for(streamz):
    process = streamz(
        "streams-application-reset", "--application-id", "a", "--bootstrap-server", "127.0.0.1:1"
    )

    _, err = process.communicate(timeout=25)
    assert process.returncode == 1
    assert "is a server running there" in err.decode()


def test_a_server_shows_its_new_certificate_after_a_hangup(streamz, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    server = streamz("server", "--listen", "127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key)
    host, _, port = server.stdout.readline().decode().split()[-1].rpartition(":")
    before = ssl.get_server_certificate((host, int(port)))

    authority.issue("server")
    server.send_signal(signal.SIGHUP)
    while b"new connections get the certificate" not in server.stderr.readline():
        assert server.poll() is None

    assert ssl.get_server_certificate((host, int(port))) != before
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=30) == 0
