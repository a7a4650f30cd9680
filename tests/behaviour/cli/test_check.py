"""``streamz check``, and what other verbs say of a damaged directory."""

from __future__ import annotations

import json

from click.testing import CliRunner

from streamz_core.cli.main import main
from streamz_core.log.files import DiskFiles


def log_file(line):
    (path,) = line.path.glob("log/t-0/*.log")
    return path


def check(line, code=0):
    done = CliRunner().invoke(main, ["check", str(line.path)])
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_sound_directory_is_called_sound_and_not_changed(grouped):
    def content():
        return {
            path: path.read_bytes()
            for path in grouped.path.rglob("*")
            if path.is_file() and path.name != "LOCK"
        }

    before = content()
    assert check(grouped) == f"{grouped.path}: sound\n"
    assert content() == before
    assert grouped("check --json") == "[]\n"


def test_a_torn_tail_is_told_and_no_failure(grouped):
    with log_file(grouped).open("ab") as file:
        file.write(b"torn")

    said = check(grouped)
    assert said.startswith("torn: ")
    assert "1 finding that opening the directory mends" in said


def test_damage_is_told_with_its_offsets_and_fails(grouped):
    data = bytearray(log_file(grouped).read_bytes())
    data[70] ^= 1
    log_file(grouped).write_bytes(data)

    said = check(grouped, code=1)
    assert said.startswith(f"damage: {log_file(grouped)}: ")
    assert said.splitlines()[-1] == f"{grouped.path}: 1 damaged"
    (finding,) = json.loads(CliRunner().invoke(main, ["check", str(grouped.path), "--json"]).stdout)
    assert finding["severity"] == "damage"


def test_damaged_records_are_no_silence_to_who_reads_them(grouped):
    data = bytearray(log_file(grouped).read_bytes())
    data[70] ^= 1
    log_file(grouped).write_bytes(data)

    said = grouped("console-consumer --topic t --from-beginning --timeout-ms 300", code=1)
    assert "damaged" in said
    assert str(log_file(grouped)) in said


def test_a_partition_that_failed_is_described_as_unavailable(grouped):
    (log_file(grouped).parent / "partition.metadata").write_bytes(b"not what was written")

    only = grouped("topics --describe --unavailable-partitions")
    assert only == "\tTopic: t\tPartition: 0\tLeader: none\tReplicas: 0\tIsr: \tElr: \tLastKnownElr: \n"
    (topic,) = json.loads(grouped("topics --describe --topic t --json"))
    assert topic["partitions"] == [{"partition": 0, "error": "KAFKA_STORAGE_ERROR"}]
    assert grouped("topics --describe --at-min-isr-partitions --topic t") == ""


def test_a_directory_that_may_not_be_read_is_not_called_missing(made, monkeypatch):
    def refuse(_self, path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(DiskFiles, "listdir", refuse)

    assert f"no permission for {made.path}" in made("topics --list", code=1)
