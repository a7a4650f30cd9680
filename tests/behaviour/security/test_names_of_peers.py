"""Owns: the promise that no name a peer chooses leads out of the data directory, into a log line, or to another's.

The table of names goes in wherever a peer may name something.
"""

import logging

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.errors import ErrorCode
from streamz_core.log.files import DiskFiles
from streamz_core.protocol.messages.acls import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourceType,
)
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_acls import DeleteAclsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.metadata import MetadataRequest, named
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.audit import Audit
from streamz_core.server.security.authorizer import Authorizer

NAMES = [
    "",
    ".",
    "..",
    "../x",
    "../../etc/passwd",
    "/etc/passwd",
    "x/../../y",
    "..\\x",
    "..%2f..%2fx",
    "%2e%2e/x",
    "x\0y",
    "x\ny",
    "x\r\nINFO all is well",
    "\x1b[2J",
    "CON",
    "nul.txt",
    "x.",
    "x ",
    " x",
    "x:y",
    "~",
    "~root",
    "$(id)",
    "`id`",
    "x" * 250,
    "x" * 5_000,
    "\u202egnp.exe",
    "ｔｏｐｉｃ",
    "tорic",
    "-rf",
    "*",
    "?",
    "LOCK",
    "catalog.json",
    "log",
    "topic-0",
    "\ud800",
]
ALLOWED_AS_TOPIC = {"CON", "nul.txt", "x.", "-rf", "LOCK", "catalog.json", "log", "topic-0"}


@pytest.fixture
async def broker(tmp_path):
    made = await Broker.open(DiskFiles(), str(tmp_path / "data"), SystemClock())
    yield made
    await made.close()


def tree(path) -> set[str]:
    return {str(one.relative_to(path)) for one in path.rglob("*")}


async def ask_with(broker, name):
    """Every request in which the name may stand, in turn."""
    salted = Secret(bytes(32))
    offsets = [
        OffsetCommitTopic(
            name=name, partitions=[OffsetCommitPartition(partition_index=0, committed_offset=0)]
        )
    ]
    binding = AclBinding(
        resource_type=ResourceType.TOPIC,
        resource_name=name,
        principal=f"User:{name}",
        operation=AclOperation.READ,
        permission_type=AclPermissionType.DENY,
    )
    user = ScramCredentialUpsertion(
        name=name,
        mechanism=ScramMechanism.SCRAM_SHA_256,
        iterations=4_096,
        salt=b"12345678",
        salted_password=salted,
    )
    for request in (
        MetadataRequest(topics=named([name])),
        DeleteTopicsRequest(topics=[DeleteTopicState(name=name)]),
        OffsetCommitRequest(group_id=name, topics=offsets),
        InitProducerIdRequest(transactional_id=name),
        CreateAclsRequest(creations=[binding]),
        DeleteAclsRequest(filters=[AclBindingFilter(resource_name_filter=name, principal_filter=name)]),
        AlterUserScramCredentialsRequest(upsertions=[user]),
    ):
        await broker.handle(request)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_nothing_is_made_outside_of_its_place(broker, tmp_path, name):
    outside = tree(tmp_path) - {one for one in tree(tmp_path) if one.startswith("data")}

    answer = await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name=name)]))

    is_made = answer.topics[0].error_code is ErrorCode.NONE
    assert is_made is (name in ALLOWED_AS_TOPIC)
    directories = {one for one in tree(tmp_path / "data" / "log") if "/" not in one}
    assert directories <= {f"{name}-0", "__consumer_offsets-0", "__transaction_state-0"}
    assert tree(tmp_path) - {one for one in tree(tmp_path) if one.startswith("data")} == outside


@pytest.mark.parametrize("name", [one for one in NAMES if one != "\ud800"], ids=ascii)
async def test_no_request_with_it_does_harm(broker, tmp_path, name):
    await ask_with(broker, name)

    assert {one for one in tree(tmp_path) if not one.startswith("data")} == set()
    directories = {one for one in tree(tmp_path / "data" / "log") if "/" not in one}
    assert directories <= {f"{name}-0", "__consumer_offsets-0", "__transaction_state-0"}
    assert all((one.stat().st_mode & 0o077) == 0 for one in (tmp_path / "data").rglob("*"))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_no_denial_of_it_breaks_the_log(broker, name, caplog):
    caplog.set_level(logging.DEBUG)
    authorizer = Authorizer(broker, Audit(broker.clock), super_users=frozenset(), authenticates=True)

    split = authorizer.guard(f"User:{name}", "10.0.0.9", MetadataRequest(topics=named([name])))
    split.finish(await broker.handle(split.request))

    (line,) = [one.getMessage() for one in caplog.records if one.name == "streamz_core.audit"]
    assert line.isprintable()
    assert len(line) < 1_000


async def test_what_is_made_stays_after_opening_again(tmp_path):
    """Names that were accepted are names that can be opened."""
    for _ in range(2):
        broker = await Broker.open(DiskFiles(), str(tmp_path / "data"), SystemClock())
        for name in sorted(ALLOWED_AS_TOPIC):
            await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name=name)]))
        assert set(broker.directory.topics) >= ALLOWED_AS_TOPIC
        await broker.close()
