"""Owns: what ``streamz repair``, ``backup`` and ``restore`` print, refuse, and exit with."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main
from streamz_core.client.local_link import backup, open_link
from streamz_core.errors import Misuse
from streamz_core.log.directory import LogDirectory
from streamz_core.log.files import DiskFiles
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import encode


@pytest.fixture(name="data")
def _data(tmp_path):
    directory = LogDirectory.open(DiskFiles(), f"{tmp_path}/data", 0)
    directory.create_topic("t", 1)
    for number in range(3):
        record = encode([None], [f"value-{number}".encode()], [0])
        directory.partition("t", 0).append(record, level=Durability.SYNC, now_ms=0)
    directory.close()
    return tmp_path / "data"


def run(*arguments, code=0):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result.output


def damage(data):
    path = data / "log" / "t-0" / f"{0:020d}.log"
    content = bytearray(path.read_bytes())
    content[len(content) // 3 + 65] ^= 1
    path.write_bytes(content)


def test_repair_says_what_it_would_do_then_does_it(data):
    assert "sound; nothing to repair" in run("repair", data)
    damage(data)

    said = run("repair", data, code=1)
    assert "(offsets 1 to 1)" in said
    assert "give these offsets up" in said
    assert "add --execute" in said
    assert run("check", data, code=1)

    done = run("repair", data, "--execute")
    assert str(data / "lost+found") in done
    assert "sound" in run("check", data)
    assert "sound; nothing to repair" in run("repair", data)


def test_repair_as_json(data):
    damage(data)

    said = json.loads(run("repair", data, "--json", code=1))

    assert [(one["severity"], one["start"], one["stop"]) for one in said["measures"]] == [("damage", 1, 2)]


def test_a_directory_in_use_is_not_touched(data, tmp_path):
    directory = LogDirectory.open(DiskFiles(), str(data), 0)
    assert "in use by process" in run("repair", data, "--execute", code=1)
    assert "local_link.backup" in run("backup", data, tmp_path / "backup", code=1)
    directory.close()


def test_backup_and_restore(data, tmp_path):
    target, restored = tmp_path / "backup", tmp_path / "restored"

    assert "1 partitions" in run("backup", data, target)
    assert "not empty" in run("backup", data, target, code=1)
    assert "restored from" in run("restore", target, restored)
    assert "not empty" in run("restore", target, data, code=1)
    assert "not a backup" in run("restore", data, tmp_path / "other", code=1)

    log = (restored / "log" / "t-0" / f"{0:020d}.log").read_bytes()
    assert log == (data / "log" / "t-0" / f"{0:020d}.log").read_bytes()
    assert "sound" in run("check", restored)


def test_a_backup_of_copies_shares_no_file(data, tmp_path):
    directory = LogDirectory.open(DiskFiles(), str(data), 0)
    directory.create_topic("u", 1, {"segment.bytes": "100"})
    for _ in range(3):
        log = directory.partition("u", 0)
        log.append(encode([None], [b"x" * 40], [0]), level=Durability.SYNC, now_ms=0)
    directory.close()

    run("backup", data, tmp_path / "linked")
    run("backup", data, tmp_path / "copied", "--copy")

    first = f"log/u-0/{0:020d}.log"
    assert (tmp_path / "linked" / first).samefile(data / first)
    assert not (tmp_path / "copied" / first).samefile(data / first)


def test_what_is_no_data_directory(tmp_path):
    for verb in (("repair",), ("backup",)):
        more = [tmp_path / "target"] if verb == ("backup",) else []
        assert "no data directory" in run(*verb, tmp_path / "none", *more, code=1)
    assert not (tmp_path / "none").exists()


async def test_a_link_backs_up_the_directory_it_has_open(data, tmp_path):
    link = await open_link(f"file://{data}")
    summary = await backup(link, f"{tmp_path}/backup")
    await link.close()

    assert summary.partitions["t-0"] == 3
    with pytest.raises(Misuse):
        await backup(link, f"{tmp_path}/later")


def test_check_fast_reads_no_records(data):
    damage(data)

    assert "1 damaged" in run("check", data, code=1)
    assert "1 damaged" in run("check", "--deep", data, code=1)
    assert "sound" in run("check", "--fast", data)
