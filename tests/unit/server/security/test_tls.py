"""Owns: the server's TLS context, and the names in certificates; handshakes run in memory, without sockets."""

import ssl

import pytest
from cryptography.x509.oid import NameOID

from streamz_core.errors import Misuse
from streamz_core.secret import Secret
from streamz_core.server.security.tls import ClientAuth, TlsConfig, distinguished_name, server_context
from tests.certificates import Authority, name


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("strangers"), "strangers")


def config(authority, file="server", **more) -> TlsConfig:
    certificate, key = authority.issue(file, **more.pop("issued", {}))
    return TlsConfig(certificate=certificate, key=key, **more)


def client(ca: str, certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


def shake(server: ssl.SSLContext, peer: ssl.SSLContext, host: str = "127.0.0.1"):
    """Both ends after a handshake, and one message, in memory; raises what either end raises."""
    wires = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ends = [
        server.wrap_bio(wires[0], wires[1], server_side=True),
        peer.wrap_bio(wires[1], wires[0], server_hostname=host),
    ]
    done = [False, False]
    for _ in range(10):
        for number, end in enumerate(ends):
            try:
                end.do_handshake()
                done[number] = True
            except ssl.SSLWantReadError:
                continue
    assert all(done)
    # With TLS 1.3 a server refuses a certificate only after its client believes that all is well.
    ends[1].write(b"x")
    assert ends[0].read(1) == b"x"
    return ends


def test_a_client_that_trusts_the_authority_gets_through(authority):
    ends = shake(server_context(config(authority)), client(authority.ca))

    assert ends[0].version() in {"TLSv1.2", "TLSv1.3"}
    assert ends[0].compression() is None


@pytest.mark.parametrize(
    ("issued", "host", "why"),
    [
        ({"days": (-2, -1)}, "127.0.0.1", "expired"),
        ({"days": (1, 2)}, "127.0.0.1", "not yet valid"),
        ({"hosts": ("10.0.0.1",)}, "127.0.0.1", "mismatch"),
        ({"hosts": ("localhost",)}, "example.org", "mismatch"),
    ],
)
def test_a_client_finds_out_a_server_that_is_not_who_it_says(authority, issued, host, why):
    with pytest.raises(ssl.SSLCertVerificationError, match=why):
        shake(server_context(config(authority, issued=issued)), client(authority.ca), host)


def test_a_client_does_not_believe_another_authority(authority, strangers):
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server_context(config(strangers)), client(authority.ca))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_are_not_spoken(authority, version):
    old = client(authority.ca)
    old.minimum_version = old.maximum_version = version

    with pytest.raises(ssl.SSLError):
        shake(server_context(config(authority)), old)


class TestClientCertificates:
    def server(self, authority, how=ClientAuth.REQUIRED):
        return server_context(config(authority, client_ca=authority.ca, client_auth=how))

    def test_one_of_the_authority_tells_who_it_is(self, authority):
        ends = shake(self.server(authority), client(authority.ca, authority.issue("ann", "ann")))

        assert distinguished_name(ends[0].getpeercert()) == "CN=ann,O=streamz tests"

    def test_none_is_not_enough_where_one_is_required(self, authority):
        with pytest.raises(ssl.SSLError, match="did not return a certificate"):
            shake(self.server(authority), client(authority.ca))

    def test_none_is_enough_where_one_is_requested(self, authority):
        ends = shake(self.server(authority, ClientAuth.REQUESTED), client(authority.ca))

        assert not ends[0].getpeercert()

    @pytest.mark.parametrize("how", [ClientAuth.REQUIRED, ClientAuth.REQUESTED])
    def test_one_of_strangers_is_refused_even_where_none_is_needed(self, authority, strangers, how):
        with pytest.raises(ssl.SSLError, match="certificate verify failed"):
            shake(self.server(authority, how), client(authority.ca, strangers.issue("ann", "ann")))

    def test_an_expired_one_is_refused(self, authority):
        with pytest.raises(ssl.SSLError, match="certificate verify failed"):
            shake(self.server(authority), client(authority.ca, authority.issue("old", "ann", days=(-2, -1))))


class TestSettings:
    def test_a_key_with_a_password(self, authority):
        given = config(authority, issued={"password": b"canary-key"}, key_password=Secret(b"canary-key"))

        shake(server_context(given), client(authority.ca))
        assert "canary-key" not in repr(given)

    @pytest.mark.parametrize("password", [None, Secret(b"wrong")])
    def test_a_password_that_is_wrong_or_missing_is_named_and_not_asked_for(self, authority, password):
        given = config(authority, issued={"password": b"canary-key"}, key_password=password)

        with pytest.raises(Misuse, match=r"server\.key"):
            server_context(given)

    def test_files_that_are_not_there_or_no_certificates_are_named(self, authority, tmp_path):
        (tmp_path / "none.pem").write_text("nothing of the kind")
        certificate, key = authority.issue("good")

        for wrong in (
            TlsConfig(certificate=str(tmp_path / "missing.pem")),
            TlsConfig(certificate=str(tmp_path / "none.pem")),
            TlsConfig(certificate=certificate, key=str(tmp_path / "none.pem")),
            TlsConfig(
                certificate=certificate,
                key=key,
                client_ca=str(tmp_path / "none.pem"),
                client_auth=ClientAuth.REQUIRED,
            ),
        ):
            with pytest.raises(Misuse, match=r"missing\.pem|none\.pem"):
                server_context(wrong)

    def test_a_key_of_another_certificate_is_refused(self, authority):
        certificate, _ = authority.issue("one")
        _, key = authority.issue("two")

        with pytest.raises(Misuse, match=r"one\.pem"):
            server_context(TlsConfig(certificate=certificate, key=key))

    @pytest.mark.parametrize("more", [{"client_auth": ClientAuth.REQUIRED}, {"client_ca": "ca.pem"}])
    def test_asking_for_certificates_and_believing_them_go_together(self, more):
        with pytest.raises(Misuse, match="client_ca"):
            TlsConfig(certificate="server.pem", **more)


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        ([(NameOID.COMMON_NAME, "ann")], "CN=ann"),
        (
            [
                (NameOID.COUNTRY_NAME, "DE"),
                (NameOID.ORGANIZATION_NAME, "A, B+C"),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, '"x" <y>; \\z'),
                (NameOID.COMMON_NAME, "ann"),
            ],
            'CN=ann,OU=\\"x\\" \\<y\\>\\; \\\\z,O=A\\, B\\+C,C=DE',
        ),
        ([(NameOID.COMMON_NAME, "#ann ")], "CN=\\#ann\\ "),
        ([(NameOID.COMMON_NAME, "ann,CN=admin")], "CN=ann\\,CN=admin"),
    ],
)
def test_names_are_written_as_kafka_writes_them(authority, parts, written):
    server = server_context(config(authority, client_ca=authority.ca, client_auth=ClientAuth.REQUIRED))

    ends = shake(server, client(authority.ca, authority.issue("named", name(*parts))))

    assert distinguished_name(ends[0].getpeercert()) == written
