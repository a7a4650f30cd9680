"""Owns: a real Apache Kafka broker, of one node, from the jars that ``java/pom.xml`` names."""

from __future__ import annotations

import base64
import socket
import subprocess
import uuid
from pathlib import Path

from tests.clients import java_programs

_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={directory}/logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class ApacheKafka:
    """One broker that is its own controller; ``address`` is what clients are given."""

    def __init__(self, directory: Path, settings: str = "") -> None:
        java_programs.build()
        port, controller = _free_ports(2)
        self.address = f"127.0.0.1:{port}"
        self._directory = directory
        self._settings = directory / "server.properties"
        self._settings.write_text(
            _SETTINGS.format(port=port, controller=controller, directory=directory) + settings
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ApacheKafka:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        given = ["format", "-t", cluster_id, "-c", str(self._settings)]
        subprocess.run([*_java(), "kafka.tools.StorageTool", *given], check=True, capture_output=True)
        with (self._directory / "kafka.txt").open("wb") as said:
            self._process = subprocess.Popen(
                [*_java("-Xmx1g", "-Xms1g"), "kafka.Kafka", str(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        return self

    @property
    def pid(self) -> int:
        """Its process, once it is started."""
        assert self._process is not None
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def _java(*options: str) -> list[str]:
    return [
        "java",
        *options,
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        f"{java_programs.TARGET / 'lib'}/*",
    ]
