"""How the sockets of those who come are set."""

from __future__ import annotations

import socket

from tests.behaviour.server.raw import scene


async def test_an_answer_does_not_wait_until_the_one_before_is_acknowledged():
    async with scene() as here:
        assert await here.peer().is_served()
        (connection,) = here.server._connections
        accepted = connection._transport.get_extra_info("socket")

        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
