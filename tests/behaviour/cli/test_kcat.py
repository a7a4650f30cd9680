"""``streamz kcat`` end to end: the letters that kcat's users have in their fingers."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main


@pytest.fixture
def kcat(tmp_path):
    """Run a line of kcat on a data directory of the test's own: output and what was said beside it."""
    address = f"file://{tmp_path}/data"

    def run(text: str, *more: str, code: int = 0, stdin: str | bytes = b"") -> tuple[str, str]:
        done = CliRunner().invoke(main, ["kcat", "-b", address, *text.split(), *more], input=stdin)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done.stdout, done.stderr

    return run


@pytest.fixture
def filled(kcat):
    kcat("-P -t t -K :", stdin="a:1\nb:2\nc:3\n")
    return kcat


def test_lines_become_records_and_records_lines(filled):
    assert filled("-C -t t -e -q") == ("1\n2\n3\n", "")


@pytest.mark.parametrize(
    ("letters", "printed"),
    [
        ("-o beginning", "1\n2\n3\n"),
        ("-o -2", "2\n3\n"),
        ("-o 1", "2\n3\n"),
        ("-o 99", ""),
        ("-o end", ""),
        ("-o s@0", "1\n2\n3\n"),
        ("-o s@99999999999999", ""),
        ("-o s@0 -o e@1", ""),
        ("-c 1", "1\n"),
        ("-o -2 -c 1", "2\n"),
        ("-p 0 -o 2", "3\n"),
    ],
)
def test_reading_starts_and_ends_where_it_is_told(filled, letters, printed):
    assert filled(f"-C -t t -e -q {letters}")[0] == printed


def test_the_end_of_a_topic_is_told_beside_the_records(filled):
    assert filled("-C -t t -e")[1] == "% Reached end of topic t [0] at offset 3: exiting\n"


def test_records_are_printed_by_a_format(filled):
    assert filled("-C -t t -e -q -c 1 -f", r"%t/%p@%o %k=%s %K/%S %%\x21\n")[0] == "t/0@0 a=1 1/1 %!\n"


def test_lengths_and_headers_and_nulls_have_tokens(kcat):
    kcat("-P -t t -Z -K : -H h=1 -H i=2", stdin="k:\n")
    assert kcat("-C -t t -e -q -f", r"%S %s|%h\n")[0] == "-1 |h=1,i=2\n"
    assert kcat("-C -t t -e -q -Z -K =")[0] == "k=NULL\n"


def test_a_value_is_framed_by_its_length(filled, tmp_path):
    done = CliRunner().invoke(
        main, ["kcat", "-b", f"file://{tmp_path}/data", "-C", "-t", "t", "-e", "-q", "-c", "1", "-f", "%R%s"]
    )
    assert done.stdout_bytes == b"\0\0\0\x011"


def test_records_are_printed_as_json(filled):
    first = json.loads(filled("-C -t t -e -q -J -c 1")[0])
    assert (first["topic"], first["offset"], first["key"], first["payload"]) == ("t", 0, "a", "1")


def test_the_producer_takes_keys_delimiters_files_and_codecs(kcat, tmp_path):
    file = tmp_path / "records"
    file.write_text("one;two;")
    kcat(f"-P -t t -k fixed -z gzip -D ; -l {file}")
    kcat("-P -t t -D ;", stdin="a\nb;c")
    assert kcat("-C -t t -e -q -f", "%k:%s;")[0] == "fixed:one;fixed:two;:a\nb;:c;"


def test_a_group_goes_on_where_it_was(filled):
    earliest = "-X auto.offset.reset=earliest"
    assert filled(f"-G g t -q -c 2 {earliest}")[0] == "1\n2\n"
    assert filled(f"-G g t -q -c 1 {earliest}")[0] == "3\n"


def test_topics_are_listed(filled):
    listed = filled("-L")[0].splitlines()
    assert listed[0].startswith("Metadata for all topics")
    assert listed[3:] == [
        " 1 topics:",
        '  topic "t" with 1 partitions:',
        "    partition 0, leader 0, replicas: 0, isrs: 0",
    ]
    assert json.loads(filled("-L -J")[0])["topics"][0]["topic"] == "t"


def test_offsets_of_times_are_asked_for(filled):
    assert filled("-Q -t t:0:-1 -t t:0:-2")[0] == "t [0] offset 0\nt [0] offset 3\n"


@pytest.mark.parametrize(
    ("letters", "code", "said"),
    [
        ("-C", 2, "-t TOPIC"),
        ("-C -t nope -e", 1, "nope"),
        ("-C -t t -p 4 -e", 1, "no partition 4"),
        ("-C -t t -o soon", 2, "'soon'"),
        ("-C -t t -f %y", 2, "%y"),
        ("-C -t t -o 1 -o 2", 2, "one offset"),
        ("-G g t -o 1", 2, "-G"),
        ("-P", 2, "-P needs one -t"),
        ("-Q -t t", 2, "topic:partition:timestamp"),
        ("-Q -t t:9:0", 1, "t-9"),
        ("-C -t t -X nope=1", 2, "nope"),
        ("-L stray", 2, "stray"),
    ],
)
def test_what_cannot_be_done_is_refused(filled, letters, code, said):
    assert said in filled(letters, code=code)[1]
