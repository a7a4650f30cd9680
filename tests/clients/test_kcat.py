"""Owns: what kcat does with our wire port."""

import json
import subprocess

import pytest


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
