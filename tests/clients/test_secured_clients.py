"""Owns: client libraries made for Kafka logging in at our wire port, and being refused what they may not do."""

import json
import subprocess

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from streamz_core.broker.config import BrokerConfig
from streamz_core.clock import SystemClock
from streamz_core.protocol import scram
from streamz_core.protocol.messages.acls import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.jwt_validator import TokenRules
from streamz_core.server.security.security_config import MECHANISMS, OauthConfig, SecurityConfig
from streamz_core.server.security.tls import ClientAuth, TlsConfig
from streamz_core.server.server_config import ServerConfig
from tests.certificates import Authority
from tests.clients.conftest import without
from tests.clients.secured import LIBRARIES, Login, Refused
from tests.clients.served import Served

USERS, PASSWORD = ("ann", "ann,=lee"), "canary: p,a=ss wörd"
ISSUER, AUDIENCE = "https://login.example.org", "streamz"
SHA_256, SHA_512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def made_of(name: str):
    made = LIBRARIES[name]
    try:
        made("127.0.0.1:1", Login("PLAINTEXT"))
    except ImportError:
        without(name)
    return made


@pytest.fixture(params=LIBRARIES)
def library(request):
    return made_of(request.param)


@pytest.fixture(params=["aiokafka", "confluent-kafka"])
def outspoken(request):
    """A library that says it was not let in: kafka-python tries on for half a minute, and leaves its sockets open."""
    return made_of(request.param)


def upsertion(user: str, mechanism: ScramMechanism) -> ScramCredentialUpsertion:
    salt = b"salt-of-ann"
    salted = scram.salted_password(mechanism, Secret.of(PASSWORD), salt, 4_096)
    return ScramCredentialUpsertion(
        name=user, mechanism=mechanism, iterations=4_096, salt=salt, salted_password=salted
    )


def allow(operation, kind, name, principal) -> AclBinding:
    return AclBinding(
        resource_type=kind,
        resource_name=name,
        resource_pattern_type=PatternType.PREFIXED,
        principal=principal,
        operation=operation,
        permission_type=AclPermissionType.ALLOW,
    )


@pytest.fixture
def serve(tmp_path):
    """A port that is secured as a test says, where the users may use what is called ``mine``."""
    opened = []

    def make(security: SecurityConfig) -> Served:
        made = Served(str(tmp_path / "data"), BrokerConfig(), ServerConfig(port=0, security=security))
        made.__enter__()
        opened.append(made)
        bindings = [
            allow(operation, kind, "mine", f"User:{user}")
            for user in USERS
            for operation, kind in (
                (AclOperation.READ, ResourceType.TOPIC),
                (AclOperation.WRITE, ResourceType.TOPIC),
                (AclOperation.READ, ResourceType.GROUP),
            )
        ]
        for request in (
            CreateTopicsRequest(topics=[CreatableTopic(name="mine"), CreatableTopic(name="theirs")]),
            AlterUserScramCredentialsRequest(
                upsertions=[upsertion(user, one) for user in USERS for one in (SHA_256, SHA_512)]
            ),
            CreateAclsRequest(creations=bindings),
        ):
            made.run(made.broker.handle(request))
        return made

    yield make
    for one in opened:
        one.__exit__()


def tls(authority: Authority, **more) -> TlsConfig:
    certificate, key = authority.issue("server")
    return TlsConfig(certificate=certificate, key=key, **more)


def works(client) -> None:
    client.send("mine", b"hello")
    assert client.read("mine", "mine") == b"hello"


@pytest.mark.parametrize("mechanism", SCRAM)
def test_with_scram_on_this_machine(library, serve, mechanism):
    served = serve(SecurityConfig(sasl_mechanisms=SCRAM))

    works(library(served.address, Login("SASL_PLAINTEXT", mechanism, library.user, PASSWORD)))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_with_a_password_over_tls(library, serve, authority, mechanism):
    served = serve(SecurityConfig(tls=tls(authority), sasl_mechanisms=("PLAIN", *SCRAM)))

    works(library(served.address, Login("SASL_SSL", mechanism, library.user, PASSWORD, ca=authority.ca)))


def test_with_a_certificate(library, serve, authority):
    security = SecurityConfig(
        tls=tls(authority, client_ca=authority.ca, client_auth=ClientAuth.REQUIRED),
        principal_mapping="RULE:^CN=(.*?),.*$/$1/L",
    )
    served = serve(security)

    works(library(served.address, Login("SSL", ca=authority.ca, certificate=authority.issue("ann", "Ann"))))


def test_with_a_token(library, serve, authority, tmp_path):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    published = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "one"}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [published]}))
    rules = TokenRules(issuer=ISSUER, audience=AUDIENCE)
    oauth = OauthConfig(rules=rules, jwks_file=str(tmp_path / "keys.json"))
    served = serve(SecurityConfig(tls=tls(authority), sasl_mechanisms=MECHANISMS, oauth=oauth))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": SystemClock().now_ms() // 1000 + 600}
    token = jwt.encode(claims, key, "RS256", {"kid": "one"})

    works(library(served.address, Login("SASL_SSL", "OAUTHBEARER", ca=authority.ca, token=token)))


@pytest.mark.parametrize("user", ["ann", "nobody"])
def test_a_wrong_password_is_refused(outspoken, serve, user):
    served = serve(SecurityConfig(sasl_mechanisms=SCRAM))

    with pytest.raises(Refused):
        outspoken(served.address, Login("SASL_PLAINTEXT", "SCRAM-SHA-256", user, "wrong")).send("mine", b"x")

    assert served.server.door.audit.failed_logins > 0


def test_what_is_anothers_is_refused(library, serve):
    served = serve(SecurityConfig(sasl_mechanisms=SCRAM))
    client = library(served.address, Login("SASL_PLAINTEXT", "SCRAM-SHA-256", library.user, PASSWORD))

    with pytest.raises(Refused, match=r"(?i)authoriz"):
        client.send("theirs", b"x")
    with pytest.raises(Refused, match=r"(?i)authoriz"):
        client.read("mine", "theirs")

    assert served.broker.log("theirs", 0).log_end_offset == 0


def test_a_server_that_is_another_is_found_out(outspoken, serve, authority, tmp_path):
    """Signed by an authority that the client does not believe: no password may have been sent."""
    served = serve(SecurityConfig(tls=tls(Authority(tmp_path, "other")), sasl_mechanisms=("PLAIN",)))

    login = Login("SASL_SSL", "PLAIN", outspoken.user, PASSWORD, ca=authority.ca)

    with pytest.raises(Refused):
        outspoken(served.address, login).send("mine", b"x")

    assert served.server.door.audit.failed_logins == 0


def test_kcat(kcat, serve, authority):
    """By PLAIN: its librdkafka may be one that repeats its nonce in SCRAM, which Kafka 4 refuses, too."""
    served = serve(SecurityConfig(tls=tls(authority), sasl_mechanisms=("PLAIN",)))
    login = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": authority.ca,
        "sasl.mechanism": "PLAIN",
        "sasl.username": "ann",
        "sasl.password": PASSWORD,
    }
    options = [part for name, value in login.items() for part in ("-X", f"{name}={value}")]

    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess:
        command = [kcat, "-b", served.address, *options, *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)

    assert run("-P", "-t", "mine", given="hello\n").returncode == 0
    assert run("-C", "-t", "mine", "-e", "-q").stdout == "hello\n"
    assert "authorization failed" in run("-C", "-t", "theirs", "-e", "-q").stderr.lower()
