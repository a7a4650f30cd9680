"""Owns: a port with TLS and what peers may throw at it; and a port without it that is spoken to by TLS."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.errors import Misuse
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.wire import codec, headers
from streamz_core.server.limits import Limits
from streamz_core.server.security.certificates import LOOK_MS, Certificates
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.security.tls import ClientAuth, TlsConfig
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig
from streamz_core.testing.manual_clock import ManualClock
from tests.certificates import Authority

PATIENCE_S = 20


def framed(request) -> bytes:
    _, version = codec.versions(request.api_key)
    head = headers.write_request_header(headers.RequestHeader(request.api_key, version, 1, "x"))
    body = b"".join((head, *codec.encode_request(request, version)))
    return len(body).to_bytes(4) + body


VERSIONS = framed(ApiVersionsRequest(client_software_name="x", client_software_version="1"))
METADATA = framed(MetadataRequest())


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def start():
    opened = []

    async def make(security: SecurityConfig) -> Server:
        broker = await Broker.open(MemoryFiles(), "/data", SystemClock())
        opened.append(broker)
        server = await Server.start(broker, ServerConfig(port=0, security=security))
        opened.append(server)
        return server

    yield make
    for one in reversed(opened):
        await one.close()


def tls(authority, **more) -> SecurityConfig:
    certificate, key = authority.issue("server")
    more_tls = {name: more.pop(name) for name in ("client_ca", "client_auth") if name in more}
    return SecurityConfig(tls=TlsConfig(certificate=certificate, key=key, **more_tls), **more)


async def said_to(
    server, data: bytes, context: ssl.SSLContext | None = None, host: str | None = None
) -> bytes:
    """All that the server answers to these bytes before it closes, or has answered one frame."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=context, server_hostname=host if context else None
        )
        try:
            writer.write(data)
            size = await reader.read(4)
            return size + (await reader.read(int.from_bytes(size)) if len(size) == 4 else b"")
        except ConnectionResetError:
            return b""
        finally:
            writer.transport.abort()


def trusting(authority, certificate=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.ca)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


async def is_served(server, context=None) -> bool:
    answer = await said_to(server, VERSIONS, context, "127.0.0.1")
    return len(answer) > 100


async def test_who_speaks_tls_is_served(start, authority):
    server = await start(tls(authority))

    assert await is_served(server, trusting(authority))


@pytest.mark.parametrize(
    "data", [VERSIONS, METADATA, b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 64, b"\x16\x03\x01\xff\xff" + b"x" * 70]
)
async def test_who_does_not_is_told_nothing_of_kafka(start, authority, data):
    """At most TLS says that this is none."""
    server = await start(tls(authority))

    answer = await said_to(server, data)

    assert answer == b"" or answer[0] == 0x15
    assert len(answer) < 16
    assert await is_served(server, trusting(authority))


async def test_tls_at_a_port_without_it_gets_nowhere(start, authority):
    server = await start(SecurityConfig())

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await said_to(server, VERSIONS, trusting(authority), "127.0.0.1")

    assert await is_served(server)


@pytest.mark.parametrize("name", ["example.org", "x" * 63 + ".example.org", "xn--nxasmq6b"])
async def test_names_that_are_not_ours_change_nothing_for_the_server(start, authority, name):
    """A client that does not care gets the one certificate there is; one that does finds out."""
    server = await start(tls(authority))
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE

    assert len(await said_to(server, VERSIONS, careless, name)) > 100
    with pytest.raises(ssl.SSLCertVerificationError):
        await said_to(server, VERSIONS, trusting(authority), name)


class TestCertificates:
    def config(self, authority, **more):
        return tls(authority, client_ca=authority.ca, client_auth=ClientAuth.REQUIRED, **more)

    async def test_a_client_with_one_is_served(self, start, authority):
        server = await start(self.config(authority))

        assert await is_served(server, trusting(authority, authority.issue("ann", "ann")))

    async def test_a_client_without_one_is_not(self, start, authority):
        server = await start(self.config(authority))

        # TLS 1.3 lets a client believe for a moment that all is well; what it sends is answered by an alert.
        with contextlib.suppress(ssl.SSLError):
            assert not await is_served(server, trusting(authority))

    async def test_one_that_no_rule_makes_a_user_of_is_nobody(self, start, authority):
        server = await start(self.config(authority, principal_mapping="RULE:^CN=(bob),.*$/$1/"))

        assert (
            await said_to(server, VERSIONS, trusting(authority, authority.issue("ann", "ann")), "127.0.0.1")
            == b""
        )
        assert server.door.audit.failed_logins == 1

    async def test_with_logins_besides_it_is_not_enough(self, start, authority):
        server = await start(self.config(authority, sasl_mechanisms=("PLAIN",)))
        ann = trusting(authority, authority.issue("ann", "ann"))

        assert await said_to(server, METADATA, ann, "127.0.0.1") == b""
        assert await is_served(server, ann)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
async def test_a_port_that_everybody_could_use_is_not_opened(authority, host):
    broker = await Broker.open(MemoryFiles(), "/data", SystemClock())

    for config in (SecurityConfig(), tls(authority)):
        with pytest.raises(Misuse, match="insecure_open_to_network"):
            await Server.start(broker, ServerConfig(host=host, port=0, security=config))
    await broker.close()


async def test_what_cannot_be_carried_out_opens_no_port(tmp_path):
    broker = await Broker.open(MemoryFiles(), "/data", SystemClock())
    missing = TlsConfig(certificate=str(tmp_path / "missing.pem"))

    with pytest.raises(Misuse, match=r"missing\.pem"):
        await Server.start(broker, ServerConfig(port=0, security=SecurityConfig(tls=missing)))
    await broker.close()


async def test_who_begins_tls_and_says_no_more_holds_up_the_others_for_a_second(authority):
    clock = ManualClock()
    broker = await Broker.open(MemoryFiles(), "/data", clock)
    config = ServerConfig(port=0, security=tls(authority), limits=Limits(handshakes_max=3))
    server = await Server.start(broker, config)
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
    served = asyncio.create_task(is_served(server, trusting(authority)))

    async with asyncio.timeout(PATIENCE_S):
        while not served.done():
            await clock.advance(1_000)

    assert await served
    for _, writer in silent:
        writer.transport.abort()
    await clock.drive(server.close())
    await clock.drive(broker.close())


class TestRenewedCertificates:
    """Whoever renews a certificate writes over its files."""

    def renew(self, authority, file="server"):
        return authority.issue(file)

    async def shown(self, server, authority) -> bytes:
        """The certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=authority.ca)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
        try:
            return writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.transport.abort()

    async def test_new_connections_get_the_new_one_and_old_ones_go_on(self, start, authority):
        server = await start(tls(authority))
        before = await self.shown(server, authority)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=trusting(authority), server_hostname="127.0.0.1"
        )

        self.renew(authority)
        await server.door.certificates.look()

        assert await self.shown(server, authority) != before
        writer.write(VERSIONS)
        assert int.from_bytes(await reader.readexactly(4)) > 100
        writer.transport.abort()

    async def test_what_cannot_be_used_changes_nothing_and_is_said_once(self, start, authority, caplog):
        server = await start(tls(authority))
        before = await self.shown(server, authority)
        certificate, key = (server.config.security.tls.certificate, server.config.security.tls.key)
        foreign = authority.issue("another")
        for path, content in (
            (certificate, b"none"),
            (certificate, Path(foreign[0]).read_bytes()),  # the key is still the old one's
            (key, b""),
        ):
            Path(path).write_bytes(content)
            caplog.clear()
            for _ in range(3):
                await server.door.certificates.look()
            assert await self.shown(server, authority) == before
            assert [one.levelname for one in caplog.records if "certificates have" in one.message] == [
                "ERROR"
            ]

        Path(key).unlink()
        await server.door.certificates.look()
        assert await self.shown(server, authority) == before
        Path(key).write_bytes(Path(foreign[1]).read_bytes())
        await server.door.certificates.look()
        assert await self.shown(server, authority) != before

    async def test_so_do_the_authorities_of_clients(self, start, authority, tmp_path):
        others = Authority(tmp_path, "others")
        ours, theirs = (one.issue("ann", "ann") for one in (authority, others))
        believed = tmp_path / "believed.pem"
        believed.write_bytes(Path(authority.ca).read_bytes())
        server = await start(tls(authority, client_ca=str(believed), client_auth=ClientAuth.REQUIRED))
        assert await is_served(server, trusting(authority, ours))

        believed.write_bytes(Path(others.ca).read_bytes())
        await server.door.certificates.look()

        assert await is_served(server, trusting(authority, theirs))
        with contextlib.suppress(ssl.SSLError):
            assert not await is_served(server, trusting(authority, ours))

    async def test_nobody_has_to_say_so(self, authority):
        clock = ManualClock()
        certificates = Certificates(tls(authority).tls)
        before = certificates.context
        watching = asyncio.create_task(certificates.watch(clock))
        self.renew(authority)

        async with asyncio.timeout(PATIENCE_S):
            while certificates.context is before:
                await clock.advance(LOOK_MS)

        watching.cancel()
