"""Owns: a worker of Kafka Connect in a process of its own, and its REST interface."""

from __future__ import annotations

import json
import re
import signal
import threading
import urllib.request
from pathlib import Path
from typing import Any

from tests.clients import java_programs

_SAYS_WHERE = "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.connect.runtime.rest.RestServer=info"
_READY = "REST resources initialized"
_ADVERTISED = re.compile(r"advertising URL (http://[\w.:]+)")
_REQUEST_S = 60
SETTINGS = {
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    "listeners": "http://127.0.0.1:0",
    "plugin.discovery": "service_load",
    "offset.flush.interval.ms": "200",
    # Who was killed has to be missed soon: the worker itself, and the consumer of its sink.
    "session.timeout.ms": "2000",
    "heartbeat.interval.ms": "200",
    "consumer.session.timeout.ms": "2000",
    "consumer.heartbeat.interval.ms": "200",
}


def properties(path: Path, settings: dict[str, str]) -> str:
    """Write a file of Java properties; where it is."""
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return str(path)


class ConnectWorker:
    """A worker that takes requests. It ends with the ``with`` block at the latest."""

    def __init__(self, program: str, *arguments: str) -> None:
        """``program`` is ``ConnectStandalone`` or ``ConnectDistributed``, the arguments are its property files."""
        self._process = java_programs.start(
            f"org.apache.kafka.connect.cli.{program}",
            *arguments,
            options=(*java_programs.QUICK_TO_START, _SAYS_WHERE),
        )
        self.said: list[str] = []
        self._url = self._advertised()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> ConnectWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the REST interface answers."""
        asked = urllib.request.Request(
            f"{self._url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=_REQUEST_S) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def stop(self) -> None:
        """Let it end in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def _end(self, how: int) -> None:
        self._process.send_signal(how)
        self._process.wait(_REQUEST_S)
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _advertised(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if _READY in line:
                return _ADVERTISED.findall("".join(self.said))[0]
        raise AssertionError("".join(self.said))

    def _read(self) -> None:
        """Take what it says, or it waits until somebody does."""
        assert self._process.stdout is not None
        self.said.extend(self._process.stdout)
