"""Owns: what a shell is proposed: verbs, options, and the names of the topics and groups there are."""

from __future__ import annotations

import asyncio
import os

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main
from streamz_core.client.local_link import open_link


def proposed(address: str, *words: str) -> list[str]:
    """What is proposed for the last of ``words``."""
    done = CliRunner().invoke(
        main,
        standalone_mode=True,
        prog_name="streamz",
        env={
            "_STREAMZ_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("streamz", *words)),
            "COMP_CWORD": str(len(words)),
            "STREAMZ_BOOTSTRAP_SERVER": address,
        },
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def filled(grouped):
    grouped("topics --create --topic travels")
    grouped("topics --create --topic orders")
    return grouped


def test_verbs_and_options(line):
    assert proposed(line.address, "console-") == ["console-producer", "console-consumer"]
    assert "--from-beginning" in proposed(line.address, "console-consumer", "--from")


def test_names_of_a_directory_that_nobody_has_open(filled):
    before = {name: os.stat(path).st_mtime_ns for name, path in files(filled)}

    assert proposed(filled.address, "topics", "--describe", "--topic", "t") == ["t", "travels"]
    assert proposed(filled.address, "get-offsets", "--topic", "orders,tr") == ["orders,travels"]
    assert proposed(filled.address, "kcat", "-t", "or") == ["orders"]
    assert proposed("file://nowhere", "groups", "--bootstrap-server", filled.address, "--group", "") == ["g"]

    assert {name: os.stat(path).st_mtime_ns for name, path in files(filled)} == before


def files(line):
    return [
        (name, os.path.join(directory, name)) for directory, _, names in os.walk(line.path) for name in names
    ]


def test_a_group_that_was_deleted_is_not_proposed(filled):
    filled("groups --delete --group g")

    assert proposed(filled.address, "groups", "--group", "") == []


async def test_names_of_a_directory_that_a_process_has_open(filled):
    link = await open_link(filled.address)
    try:
        assert await asyncio.to_thread(proposed, filled.address, "topics", "--topic", "tra") == ["travels"]
        assert await asyncio.to_thread(proposed, filled.address, "groups", "--group", "") == ["g"]
    finally:
        await link.close()


@pytest.mark.parametrize("address", ["file://nowhere", "127.0.0.1:1", "what is this?"])
def test_where_nothing_can_be_found_out_nothing_is_proposed(address):
    assert proposed(address, "topics", "--topic", "t") == []
