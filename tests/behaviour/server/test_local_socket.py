"""The Unix socket in a data directory: who may come by it, and that who goes away leaves its groups at once."""

from __future__ import annotations

import asyncio
import os
import stat

import pytest

from streamz_core.aio import unix_socket
from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.errors import ErrorCode
from streamz_core.log.files import DiskFiles
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.sync_group import SyncGroupRequest
from streamz_core.protocol.wire import codec, headers
from streamz_core.server.listener import CannotListen
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig


class Peer:
    """A client of one connection: asks in the newest version, one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def at(cls, path) -> Peer:
        return cls(*await asyncio.open_connection(sock=unix_socket.connected(str(path))))

    async def ask(self, request):
        key, version = request.api_key, codec.versions(request.api_key)[1]
        header = headers.RequestHeader(key, version, 7, "peer")
        frame = headers.write_request_header(header) + b"".join(codec.encode_request(request, version))
        self._writer.write(len(frame).to_bytes(4) + frame)
        answer = memoryview(await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(4))))
        _, position = headers.read_response_header(key, version, answer)
        return codec.decode_response(key, version, answer[position:])

    async def join(self, group: str, member_id: str = "", instance_id: str | None = None):
        request = JoinGroupRequest(
            group_id=group,
            session_timeout_ms=600_000,
            rebalance_timeout_ms=3_600_000,
            member_id=member_id,
            group_instance_id=instance_id,
            protocols=[JoinGroupProtocol(name="range", metadata=b"")],
        )
        joined = await self.ask(request)
        if joined.error_code is ErrorCode.MEMBER_ID_REQUIRED:
            return await self.join(group, joined.member_id, instance_id)
        assert joined.error_code is ErrorCode.NONE
        synced = await self.ask(
            SyncGroupRequest(
                group_id=group,
                generation_id=joined.generation_id,
                member_id=joined.member_id,
                assignments=[],
            )
        )
        assert synced.error_code is ErrorCode.NONE
        return joined

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def broker(tmp_path):
    opened = await Broker.open(DiskFiles(), str(tmp_path / "data"), SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
async def path(broker, tmp_path):
    at = tmp_path / "data" / "broker.sock"
    server = await Server.start(broker, ServerConfig(host=None, socket_path=str(at)))
    yield at
    await server.close()
    assert not at.exists()


async def members(broker, group: str) -> list[str]:
    (described,) = (await broker.handle(DescribeGroupsRequest(groups=[group]))).groups
    return sorted(member.member_id for member in described.members)


async def gone(broker, group: str, count: int = 0) -> None:
    """Wait until the group has no more members than that."""
    while len(await members(broker, group)) > count:
        await asyncio.sleep(0)


async def test_the_socket_is_its_users_alone(path):
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    peer = await Peer.at(path)
    answer = await peer.ask(ApiVersionsRequest(client_software_name="peer", client_software_version="1"))
    assert {one.api_key for one in answer.api_keys} >= {0, 1, 3, 11}
    peer.close()


async def test_who_goes_away_leaves_its_groups_at_once(broker, path):
    one, other = await Peer.at(path), await Peer.at(path)
    await one.join("g")
    await other.join("h")

    one.close()
    await gone(broker, "g")

    assert len(await members(broker, "h")) == 1
    other.close()
    await gone(broker, "h")


async def test_a_static_member_is_waited_for(broker, path):
    peer = await Peer.at(path)
    joined = await peer.join("g", instance_id="static")
    dynamic = await Peer.at(path)
    await dynamic.join("h")
    peer.close()
    dynamic.close()

    await gone(broker, "h")

    assert await members(broker, "g") == [joined.member_id]


async def test_who_has_left_does_not_leave_again(broker, path):
    peer, other = await Peer.at(path), await Peer.at(path)
    joined = await peer.join("g")
    left = await peer.ask(
        LeaveGroupRequest(group_id="g", members=[MemberIdentity(member_id=joined.member_id)])
    )
    assert left.error_code is ErrorCode.NONE
    again = await other.join("g")
    peer.close()
    await other.ask(ApiVersionsRequest(client_software_name="peer", client_software_version="1"))
    assert await members(broker, "g") == [again.member_id]
    other.close()


async def test_a_heartbeat_is_held_until_there_is_something_to_tell(broker, path):
    peer, second = await Peer.at(path), await Peer.at(path)
    joined = await peer.join("g")
    held = asyncio.ensure_future(
        peer.ask(
            HeartbeatRequest(
                group_id="g",
                generation_id=joined.generation_id,
                member_id=joined.member_id,
                max_wait_ms=3_600_000,
            )
        )
    )
    joining = asyncio.ensure_future(second.join("g"))

    assert (await held).error_code is ErrorCode.REBALANCE_IN_PROGRESS

    joining.cancel()
    for one in (peer, second):
        one.close()
    await gone(broker, "g")


async def test_who_goes_away_while_a_heartbeat_is_held_leaves_at_once(broker, path):
    peer = await Peer.at(path)
    joined = await peer.join("g")
    held = asyncio.ensure_future(
        peer.ask(
            HeartbeatRequest(
                group_id="g",
                generation_id=joined.generation_id,
                member_id=joined.member_id,
                max_wait_ms=3_600_000,
            )
        )
    )
    await asyncio.sleep(0)
    peer.close()
    await gone(broker, "g")
    held.cancel()


async def test_what_an_earlier_owner_left_is_in_nobodys_way(broker, tmp_path):
    at = tmp_path / "data" / "broker.sock"
    unix_socket.listen(str(at), 1).close()
    assert at.exists()

    server = await Server.start(broker, ServerConfig(host=None, socket_path=str(at)))
    (await Peer.at(at)).close()
    await server.close()


async def test_a_long_path_is_reached_as_well(broker, tmp_path):
    directory = tmp_path / ("x" * 120)
    directory.mkdir()
    at = directory / "broker.sock"
    server = await Server.start(broker, ServerConfig(host=None, socket_path=str(at)))
    (await Peer.at(at)).close()
    await server.close()
    assert not at.exists()


async def test_a_socket_that_cannot_be_made_is_told(broker, tmp_path):
    with pytest.raises(CannotListen, match=r"nowhere/broker\.sock"):
        await Server.start(broker, ServerConfig(host=None, socket_path=str(tmp_path / "nowhere/broker.sock")))


async def test_nobody_listens_at_a_socket_of_the_dead(tmp_path):
    at = str(tmp_path / "s")
    unix_socket.listen(at, 1).close()
    with pytest.raises(ConnectionRefusedError):
        unix_socket.connected(at)
