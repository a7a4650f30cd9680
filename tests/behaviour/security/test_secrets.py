"""Owns: the promise that no password, proof, token or key is seen: not in logs, not in errors, not in answers, not on
the disk. A canary goes through every door that secrets go through, with everything logged that can be.
"""

import asyncio
import base64
import io
import logging
import traceback

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.log.files import DiskFiles
from streamz_core.protocol import scram
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.describe_user_scram_credentials import DescribeUserScramCredentialsRequest
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.protocol.wire import codec, headers
from streamz_core.secret import Secret
from streamz_core.server.security.jwt_validator import TokenRules
from streamz_core.server.security.security_config import MECHANISMS, OauthConfig, SecurityConfig
from streamz_core.server.security.tls import TlsConfig
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig
from tests.certificates import Authority

CANARY = "canary-9f2c71"
SALT = b"salt-of-ann"


@pytest.fixture
def everything_logged():
    """All that any logger says, from DEBUG on, tracebacks included; also asyncio's, in its debug mode."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def forms_of(secret: bytes) -> list[str]:
    """How it would look if it were seen."""
    return [
        secret.decode(errors="ignore"),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        secret.hex(),
        repr(secret)[2:-1],
    ]


class Peer:
    """A client that speaks bytes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, request, version=None):
        key = request.api_key
        version = codec.versions(key)[1] if version is None else version
        head = headers.write_request_header(headers.RequestHeader(key, version, 1, CANARY[:6]))
        body = b"".join((head, *codec.encode_request(request, version)))
        self.writer.write(len(body).to_bytes(4) + body)
        size = int.from_bytes(await self.reader.readexactly(4))
        answer = memoryview(await self.reader.readexactly(size))
        _, position = headers.read_response_header(key, version, answer)
        return codec.decode_response(key, version, answer[position:])

    async def say(self, message: bytes):
        return await self.ask(SaslAuthenticateRequest(auth_bytes=Secret(message)))


@pytest.fixture
async def scene(tmp_path, monkeypatch):
    """A server with every mechanism, a user whose password is the canary, and a way to connect."""
    monkeypatch.setattr("streamz_core.server.security.authenticator.FAILURE_DELAY_MS", 1)
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", password=f"{CANARY}-key".encode())
    rules = TokenRules(issuer="https://login.example.org", audience="streamz")
    config = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key, key_password=Secret.of(f"{CANARY}-key")),
        sasl_mechanisms=MECHANISMS,
        oauth=OauthConfig(rules=rules, jwks_file=str(tmp_path / "keys.json")),
    )
    broker = await Broker.open(DiskFiles(), str(tmp_path / "data"), SystemClock())
    upsertions = [
        ScramCredentialUpsertion(
            name="ann",
            mechanism=one,
            iterations=4_096,
            salt=SALT,
            salted_password=scram.salted_password(one, Secret.of(CANARY), SALT, 4_096),
        )
        for one in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
    ]
    await broker.handle(AlterUserScramCredentialsRequest(upsertions=upsertions))
    server = await Server.start(broker, ServerConfig(port=0, security=config))

    async def connect() -> Peer:
        import ssl

        context = ssl.create_default_context(cafile=authority.ca)
        return Peer(*await asyncio.open_connection("127.0.0.1", server.port, ssl=context))

    opened: list[Peer] = []

    async def connected(mechanism: str) -> Peer:
        peer = await connect()
        opened.append(peer)
        await peer.ask(ApiVersionsRequest(client_software_name="x", client_software_version="1"))
        await peer.ask(SaslHandshakeRequest(mechanism=mechanism))
        return peer

    yield broker, server, connected
    for peer in opened:
        peer.writer.close()
        await asyncio.wait([asyncio.ensure_future(peer.writer.wait_closed())])
    await server.close()
    await broker.close()


async def test_the_canary_is_nowhere(scene, everything_logged, tmp_path):
    broker, server, connected = scene
    asyncio.get_running_loop().set_debug(True)
    answers = []
    used = [CANARY.encode(), f"{CANARY}-key".encode()]
    for one in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        salted = scram.salted_password(one, Secret.of(CANARY), SALT, 4_096)
        used.append(salted.reveal())
        peer = await connected(one.sasl_name)
        first = scram.client_first("ann", "nonce")
        challenge = await peer.say((first.gs2_header + first.bare).encode())
        answer = scram.parse_server_first(challenge.auth_bytes.reveal(), first)
        last = scram.client_final(first, answer, one, salted)
        used.append(base64.b64decode(last.rpartition(b"p=")[2]))
        answers += [challenge, await peer.say(last)]
        answers.append(await peer.ask(DescribeUserScramCredentialsRequest()))
    for mechanism, message in (
        ("PLAIN", f"\0ann\0{CANARY}"),
        ("PLAIN", f"\0eve\0{CANARY}"),
        ("PLAIN", f"\0ann\0{CANARY}\0"),
        ("PLAIN", f"{CANARY}"),
        ("SCRAM-SHA-256", f"n,,n=ann,r={CANARY},m={CANARY}"),
        ("SCRAM-SHA-256", f"p={CANARY},,n=ann"),
        ("OAUTHBEARER", f"n,,\x01auth=Bearer {CANARY}.{CANARY}.{CANARY}\x01\x01"),
        ("OAUTHBEARER", f"n,,\x01auth=Basic {CANARY}\x01\x01"),
    ):
        peer = await connected(mechanism)
        answers.append(await peer.say(message.encode()))
    asyncio.get_running_loop().set_debug(False)

    seen = {
        "the log": everything_logged.getvalue(),
        "answers": "".join(map(repr, answers)),
        "values": repr(server.config) + repr(broker.directory.catalog) + repr(vars(server.door)),
        "metrics": repr(vars(server.door.audit)),
    }
    for place, text in seen.items():
        for secret in used:
            for form in forms_of(secret):
                assert len(form) < 8 or form not in text, place
    assert "login failed" in seen["the log"], "nothing was logged: the test sees nothing"
    assert "login: User:ann" in seen["the log"]
    kept = b"".join(one.read_bytes() for one in (tmp_path / "data").rglob("*") if one.is_file())
    for secret in used:
        assert not any(len(form) >= 8 and form.encode() in kept for form in forms_of(secret))


async def test_a_failure_amid_an_exchange_shows_no_secret(scene, everything_logged, monkeypatch):
    """Also where it is a bug of ours that fails, with every local variable shown."""
    _, server, connected = scene
    shown = []

    def broken(*_):
        raise RuntimeError("a bug")

    def note(record):
        if record.exc_info:
            error = traceback.TracebackException(*record.exc_info, capture_locals=True)
            shown.append("".join(error.format()))
        return True

    monkeypatch.setattr(scram, "is_password_of", broken)
    logging.getLogger("streamz_core.server.connection").addFilter(note)
    peer = await connected("PLAIN")

    with pytest.raises(asyncio.IncompleteReadError):
        await peer.say(f"\0ann\0{CANARY}".encode())

    logging.getLogger("streamz_core.server.connection").removeFilter(note)
    assert "a bug" in shown[0]
    assert not any(form in shown[0] + everything_logged.getvalue() for form in forms_of(CANARY.encode()))
