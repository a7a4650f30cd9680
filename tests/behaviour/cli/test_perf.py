"""The performance tools end to end: what they send and read, and the lines scripts parse."""

from __future__ import annotations

import re

import pytest


def numbers(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"[\d.]+(?= )", text)]


def test_the_producer_tells_rates_and_latencies(line):
    printed = line("producer-perf --topic t --num-records 1000 --record-size 10 --throughput -1")

    match = re.fullmatch(
        r"1000 records sent, [\d.]+ records/sec \([\d.]+ MB/sec\), [\d.]+ ms avg latency, [\d.]+ ms max latency, "
        r"[\d.]+ ms 50th, [\d.]+ ms 95th, [\d.]+ ms 99th, [\d.]+ ms 99.9th\.\n",
        printed,
    )
    assert match is not None, printed
    assert line("get-offsets --topic t") == "t:0:1000\n"
    assert {len(one) for one in line.consume("--max-messages 1000")} == {10}


def test_values_come_from_a_file_or_are_rising(line, tmp_path):
    file = tmp_path / "values"
    file.write_text("red;green;")

    line(f"producer-perf --topic t --num-records 50 --payload-file {file} --payload-delimiter ;")
    assert set(line.consume("--max-messages 50")) == {"red", "green"}

    line("producer-perf --topic n --num-records 3 --payload-monotonic")
    assert line("console-consumer --topic n --from-beginning --max-messages 3").split() == ["0", "1", "2"]


def test_properties_are_given_as_kafkas_tool_takes_them(line):
    printed = line(
        "producer-perf --topic t --num-records 5 --record-size 1 --print-metrics "
        "--producer-props acks=1 linger.ms=7 compression.type=zstd"
    )
    assert "producer-setting:linger_ms : 7" in printed
    assert "producer-setting:acks : 1" in printed
    assert "producer-metric:record-send-total : 5" in printed


def test_records_of_transactions_are_all_committed(line):
    line("producer-perf --topic t --num-records 2000 --record-size 1 --transaction-duration-ms 1")
    read = line.consume("--isolation-level read_committed --max-messages 2000")
    assert len(read) == 2000


def test_a_paced_producer_reports_as_it_goes(line):
    printed = line(
        "producer-perf --topic t --num-records 300 --record-size 1 --throughput 1000 --reporting-interval 1 "
        "--warmup-records 10"
    )
    *parts, total = printed.splitlines()
    assert parts
    assert total.startswith("290 records sent")


def test_the_consumer_prints_kafkas_columns(line):
    line("producer-perf --topic t --num-records 500 --record-size 100")

    titles, cells = (
        row.split(", ") for row in line("consumer-perf --topic t --num-records 500").splitlines()
    )

    assert titles[4:6] == ["data.consumed.in.nMsg", "nMsg.sec"]
    assert len(cells) == len(titles) == 10
    assert cells[4] == "500"
    assert float(cells[2]) == pytest.approx(50_000 / 1024 / 1024, abs=1e-4)


def test_a_consumer_that_finds_too_little_says_so(line):
    line("producer-perf --topic t --num-records 5 --record-size 1")
    printed = line("consumer-perf --topic t --num-records 9 --timeout 1 --hide-header")
    assert printed.split(", ")[4] == "5"
    assert "WARNING" in line.stderr


def test_detailed_figures_have_lines_of_their_own(line):
    line("producer-perf --topic t --num-records 50 --record-size 1")
    titles, cells = line("consumer-perf --topic t --messages 50 --show-detailed-stats").splitlines()
    assert titles.startswith("time, threadId, ")
    assert cells.split(", ")[3:5] != []
    assert cells.split(", ")[4] == "50"


def test_each_round_trip_is_timed(line):
    printed = line("e2e-latency --topic t --num-records 20 --record-size 8 --record-key-size 2")
    assert re.search(r"^0\t[\d.]+$", printed, re.MULTILINE)
    assert re.search(r"^Avg latency: [\d.]+ ms$", printed, re.MULTILINE)
    assert re.search(
        r"^Percentiles \(ms\): 50th = [\d.]+, 99th = [\d.]+, 99.9th = [\d.]+$", printed, re.MULTILINE
    )
    assert line("get-offsets --topic t") == "t:0:20\n"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("producer-perf --topic t --num-records 5", 2, "exactly one of --record-size"),
        ("producer-perf --topic t --num-records 5 --record-size 1 --payload-monotonic", 2, "exactly one of"),
        ("producer-perf --topic t --num-records 5 --payload-file nowhere", 2, "nowhere"),
        ("producer-perf --topic t --num-records 5 --record-size 1 --producer-props nope=1", 2, "nope"),
        ("producer-perf --topic t --num-records 5 --record-size 2000000", 1, "2000"),
        ("consumer-perf --num-records 5", 2, "--include"),
        ("consumer-perf --topic t --num-records 5", 1, "no data directory"),
    ],
)
def test_what_cannot_be_done_is_refused(line, options, code, said):
    assert said in line(options, code=code)
