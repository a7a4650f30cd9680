"""Owns: what may be set together, and that a port beyond this machine is a secured one."""

import pytest

from streamz_core.errors import Misuse
from streamz_core.server.security.jwt_validator import TokenRules
from streamz_core.server.security.security_config import OauthConfig, SecurityConfig
from streamz_core.server.security.tls import ClientAuth, TlsConfig

TLS = TlsConfig(certificate="server.pem")
MUTUAL = TlsConfig(certificate="server.pem", client_ca="ca.pem", client_auth=ClientAuth.REQUIRED)
REQUESTED = TlsConfig(certificate="server.pem", client_ca="ca.pem", client_auth=ClientAuth.REQUESTED)
SCRAM = ("SCRAM-SHA-512",)
OAUTH = OauthConfig(rules=TokenRules(issuer="i", audience="a"), jwks_file="keys.json")
EVERYWHERE = ("0.0.0.0", "::", "192.168.1.7", "example.org", "", "127.0.0.1.example.org", "0", "127.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", None])
def test_this_machine_may_be_served_without_anything(host):
    SecurityConfig().check_bind(host)
    assert SecurityConfig().warning(host) is None


@pytest.mark.parametrize("host", EVERYWHERE)
@pytest.mark.parametrize(
    "config",
    [
        SecurityConfig(),
        SecurityConfig(tls=TLS),
        SecurityConfig(tls=REQUESTED),
        SecurityConfig(sasl_mechanisms=SCRAM),
        SecurityConfig(super_users=frozenset({"User:admin"})),
    ],
    ids=["nothing", "TLS alone", "certificates that are not required", "logins in the clear", "super users"],
)
def test_other_machines_are_not(host, config):
    with pytest.raises(Misuse, match="insecure_open_to_network"):
        config.check_bind(host)


@pytest.mark.parametrize("host", EVERYWHERE)
@pytest.mark.parametrize(
    "config", [SecurityConfig(tls=TLS, sasl_mechanisms=SCRAM), SecurityConfig(tls=MUTUAL)]
)
def test_other_machines_are_served_with_tls_and_logins(host, config):
    config.check_bind(host)
    assert config.warning(host) is None


def test_who_insists_is_warned_at_every_start():
    config = SecurityConfig(insecure_open_to_network=True)

    config.check_bind("0.0.0.0")

    assert config.warning("0.0.0.0").startswith("INSECURE")
    assert config.warning("127.0.0.1") is None


@pytest.mark.parametrize(
    ("config", "protocol", "authenticates"),
    [
        (SecurityConfig(), "PLAINTEXT", False),
        (SecurityConfig(tls=TLS), "SSL", False),
        (SecurityConfig(tls=REQUESTED), "SSL", False),
        (SecurityConfig(tls=MUTUAL), "SSL", True),
        (SecurityConfig(sasl_mechanisms=SCRAM), "SASL_PLAINTEXT", True),
        (SecurityConfig(tls=TLS, sasl_mechanisms=("PLAIN",)), "SASL_SSL", True),
    ],
)
def test_what_it_comes_to(config, protocol, authenticates):
    assert (config.protocol, config.authenticates) == (protocol, authenticates)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sasl_mechanisms": ("GSSAPI",)},
        {"sasl_mechanisms": ("PLAIN",)},
        {"sasl_mechanisms": ("SCRAM-SHA-256", "PLAIN")},
        {"sasl_mechanisms": ("OAUTHBEARER",), "oauth": OAUTH},
        {"tls": TLS, "sasl_mechanisms": ("OAUTHBEARER",)},
        {"oauth": OAUTH},
        {"session_max_ms": -1},
        {"super_users": frozenset({"admin"})},
        {"super_users": frozenset({":admin"})},
        {"principal_mapping": "RULE:("},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_at_once(wrong):
    with pytest.raises(Misuse):
        SecurityConfig(**wrong)


@pytest.mark.parametrize("more", [{}, {"jwks_file": "a", "jwks_url": "https://b"}])
def test_keys_come_from_one_place(more):
    with pytest.raises(Misuse, match="jwks"):
        OauthConfig(rules=OAUTH.rules, **more)
