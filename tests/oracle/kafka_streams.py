"""Kafka Streams itself, by Maven, as the judge of programs.

Needs Java 17 and Maven; ``python -m tests.oracle`` writes what it says into ``cases.json.gz``.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PROJECT = Path(__file__).parent / "java"


def prepare() -> None:
    """Build the project, and fetch what it needs."""
    command = ["mvn", "-q", "-B", "package", "dependency:copy-dependencies", "-DoutputDirectory=target/lib"]
    subprocess.run(command, cwd=PROJECT, check=True)


def judge(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases with their outputs, or with an error where Kafka Streams refuses them."""
    given = "".join(json.dumps(case) + "\n" for case in cases)
    command = ["java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/lib/*"]
    with TemporaryDirectory() as own:  # the state of two runs at once would get into each other's way
        ran = subprocess.run(
            [*command, f"-Djava.io.tmpdir={own}", "Oracle"],
            cwd=PROJECT,
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def keep(cases: list[dict[str, Any]], path: Path) -> None:
    """Write judged cases as data for the test."""
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in cases))
