"""Owns: what kcat does with our wire port."""

import json
import subprocess

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main


@pytest.fixture
def run(kcat, served):
    """Run kcat against the server; what it prints."""

    def run(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [kcat, "-b", served.address, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_metadata_names_the_server_and_its_topics(run, served):
    run("-P", "-t", "views", given="one\n")

    told = json.loads(run("-L", "-J"))

    assert [one["name"] for one in told["brokers"]] == [served.address]
    assert [(one["topic"], len(one["partitions"])) for one in told["topics"]] == [("views", 1)]


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_lines_are_sent_and_read(run, compression):
    lines = "".join(f"key{n}:value {n}\n" for n in range(1_000))

    run("-P", "-t", "views", "-K:", "-z", compression, given=lines)

    assert run("-C", "-t", "views", "-e", "-q", "-K:") == lines


def test_offsets_and_headers(run):
    run("-P", "-t", "views", "-H", "trace=abc", given="".join(f"{n}\n" for n in range(10)))

    assert run("-C", "-t", "views", "-o", "-3", "-e", "-q", "-f", "%o %h %s\n") == (
        "7 trace=abc 7\n8 trace=abc 8\n9 trace=abc 9\n"
    )
    assert run("-C", "-t", "views", "-o", "4", "-c", "1", "-q", "-f", "%o") == "4"


def test_a_group_reads_each_record_once(run):
    run("-P", "-t", "views", given="one\ntwo\n")
    first = run("-G", "readers", "-c", "2", "-q", "-X", "auto.offset.reset=earliest", "views")
    run("-P", "-t", "views", given="three\n")

    second = run("-G", "readers", "-c", "1", "-q", "-X", "auto.offset.reset=earliest", "views")

    assert (first, second) == ("one\ntwo\n", "three\n")


def test_a_transaction(run):
    run("-P", "-t", "views", "-X", "transactional.id=writer", given="one\n")

    assert run("-C", "-t", "views", "-e", "-q", "-X", "isolation.level=read_committed") == "one\n"


def test_offsets_for_a_time(run):
    run("-P", "-t", "views", given="one\n")

    assert run("-Q", "-t", "views:0:0").strip() == "views [0] offset 0"


FILES = {"lines": "one\ntwo\n", "whole": "three"}
ALIKE = [
    "-L",
    "-L -t views",
    "-L -J",
    "-L -J -t views",
    "-C -t views -e",
    "-C -t views -e -q -K:",
    r"-C -t views -e -q -Z -K\t",
    "-C -t views -e -q -D;",
    "-C -t views -e -q -O -K:",
    r"-C -t views -e -q -f %t:[%p]:%o:%k:%K:%s:%S:%T:%h:%%:\x41\t\n",
    "-C -t views -e -q -f %R%s;",
    r"-C -t views -e -q -Z -f %k=%s\n",
    "-C -t views -e -q -J",
    "-C -t views -e -J -c1",
    "-C -t views -e -q -o -2",
    "-C -t views -e -q -o 3",
    "-C -t views -e -q -o end",
    "-C -t views -e -q -o 99",
    "-C -t views -e -q -o s@0 -o e@1",
    "-C -t views -c 2 -o 1 -p 0",
    "-C -t views -q -e -E -m 3",
    "-C -t views -q -e -X topic.auto.offset.reset=earliest",
    "-C -t nothing -e",
    "-Q -t views:0:0",
    "-Q -t views:0:-1 -t nothing:0:-2",
    "-Q -t views:0:99999999999999",
]
"""Lines of the same output, byte for byte, on both streams."""
SENT_ALIKE = [
    ("", b"a\n\nb\nwithout an end"),
    ("-p -1 -T", b"a\nb\n"),
    ("-c 1", b"a\nb\n"),
    ("-D;", b"a;b;;c\n"),
    ("-K: -k fixed -H h=1 -H i=2 -z zstd", b"a:1\nno key\n:e\nq:\n"),
    ("-K: -Z", b"a:\n:b\n"),
    ("lines whole", b""),
    ("-l lines", b""),
    ("-X transactional.id=writer", b"a\nb\n"),
]
"""Options of ``-P`` and what is given: the same records come of it, and the same output."""


@pytest.fixture
def both(kcat, served, tmp_path, monkeypatch):
    """Run a line with kcat and with ours; (exit code, output, standard error) of each."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)

    def both(theirs: list[str], ours: list[str], given: bytes = b"") -> tuple[tuple[int, bytes, bytes], ...]:
        there = subprocess.run(
            [kcat, "-b", served.address, *theirs], input=given, capture_output=True, timeout=60, check=False
        )
        here = CliRunner().invoke(main, ["kcat", "-b", served.address, *ours], input=given)
        return (
            (there.returncode, there.stdout, there.stderr),
            (here.exit_code, here.stdout_bytes, here.stderr_bytes),
        )

    return both


def test_ours_prints_what_kcat_prints(run, both):
    run("-P", "-t", "views", "-K:", "-H", "h=1", "-H", "i=2", "-Z", given="a:1\nb:2\n:x\nc:\n")
    run("-P", "-t", "views", "-k", "fix", given='é"q\\\n\x01tab\there\n')
    run("-L", "-t", "nothing")  # which makes it

    for line in ALIKE:
        theirs, ours = both(line.split(), line.split())
        assert ours == theirs, line


def test_ours_sends_what_kcat_sends(run, both):
    read = ("-e", "-q", "-J")
    for line, given in SENT_ALIKE:
        there, here = (f"{name}-{SENT_ALIKE.index((line, given))}" for name in ("kcat", "ours"))
        theirs, ours = both(["-P", "-t", there, *line.split()], ["-P", "-t", here, *line.split()], given)
        assert ours == theirs, line
        sent = [
            [
                {name: part for name, part in json.loads(one).items() if name not in ("ts", "topic")}
                for one in run("-C", "-t", topic, *read).splitlines()
            ]
            for topic in (there, here)
        ]
        assert sent[1] == sent[0], line
