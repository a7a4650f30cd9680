"""Owns: the client libraries that the suite runs over, a server for each test, and what is missing where."""

import gc
import importlib
import os
import shutil
import subprocess
import warnings

import pytest

from tests.clients import java_programs
from tests.clients.served import Served

LIBRARIES = {
    "aiokafka": ("tests.clients.aiokafka_client", "Aiokafka"),
    "confluent-kafka": ("tests.clients.confluent", "Confluent"),
    "kafka-python": ("tests.clients.kafka_python", "KafkaPython"),
}


def without(what: str) -> None:
    """What a machine lacks is skipped there; where everything has to be tested it is an error."""
    if os.environ.get("STREAMZ_ALL_CLIENTS"):
        pytest.fail(f"{what} is missing, and STREAMZ_ALL_CLIENTS is set")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(autouse=True)
def what_others_leave():
    """A foreign client that failed may leave sockets to the collector: not in the middle of somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def served(tmp_path):
    with Served(str(tmp_path / "data")) as served:
        yield served


@pytest.fixture(params=LIBRARIES)
def client(request, served):
    """A foreign client at a server of its own."""
    module, name = LIBRARIES[request.param]
    try:
        made = getattr(importlib.import_module(module), name)(served.address)
    except ImportError:
        without(request.param)
    yield made
    made.close()


@pytest.fixture
def kcat():
    path = shutil.which("kcat")
    if path is None:
        without("kcat")
    return path


@pytest.fixture(scope="session")
def java():
    """Java programs can be run, ours among them."""
    lacking = java_programs.missing()
    if lacking is not None:
        without(lacking)
    try:
        java_programs.build()
    except subprocess.CalledProcessError:
        without("what Maven fetches")
    return java_programs


@pytest.fixture(scope="session")
def java_tools(java):
    """Apache Kafka's command line tools."""
    tools = java.Tools()
    yield tools
    tools.close()
