"""Owns: where key sets may be read, and what reading them may not do. The https server is real, on this machine."""

import http.server
import json
import ssl
import threading

import pytest

from streamz_core.errors import Misuse
from streamz_core.server.security.jwks import KeysUnavailable
from streamz_core.server.security.jwks_document import DOCUMENT_BYTES_MAX, FileDocument, HttpsDocument
from tests.certificates import Authority

KEYS = {"keys": [{"kid": "one", "kty": "RSA"}]}
CANARY = "canary-of-another-service"


class Site(http.server.BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_GET(self):
        asked.append(self.path)
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/keys")
            self.end_headers()
            return
        self.send_response(500 if self.path == "/error" else 200)
        self.end_headers()
        if self.path == "/keys":
            self.wfile.write(json.dumps(KEYS).encode())
        elif self.path == "/huge":
            self.wfile.write(b" " * (DOCUMENT_BYTES_MAX + 1))
        else:
            self.wfile.write(CANARY.encode())

    def log_message(self, *_):
        pass


asked: list[str] = []


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("jwks"))


@pytest.fixture(scope="module")
def port(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def document(authority, port, path, host="127.0.0.1"):
    trusting = ssl.create_default_context(cafile=authority.ca)
    return HttpsDocument(f"https://{host}:{port}{path}", ["127.0.0.1", "localhost"], context=trusting)


async def test_a_host_that_was_allowed_is_asked(authority, port):
    assert json.loads(await document(authority, port, "/keys").read()) == KEYS


@pytest.mark.parametrize("path", ["/redirect", "/error", "/huge"])
async def test_nothing_but_a_plain_answer_of_a_bearable_size_counts(authority, port, path):
    asked.clear()

    with pytest.raises(KeysUnavailable) as refused:
        await document(authority, port, path).read()

    assert CANARY not in str(refused.value)
    assert asked == [path], "a redirect was followed"


async def test_a_certificate_that_is_not_trusted_is_not_believed(port):
    with pytest.raises(KeysUnavailable, match="SSLCertVerificationError"):
        await HttpsDocument(f"https://127.0.0.1:{port}/keys", ["127.0.0.1"]).read()


async def test_nobody_there(authority):
    with pytest.raises(KeysUnavailable, match="ConnectionRefusedError"):
        await document(authority, 1, "/keys").read()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1/keys",
        "//127.0.0.1/keys",
        "127.0.0.1/keys",
        "https:///keys",
        "https://example.org/keys",
        "https://127.0.0.1.example.org/keys",
        "https://user@127.0.0.1/keys",
        "https://127.0.0.1@example.org/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/keys#x",
        "",
    ],
)
def test_no_other_url_is_asked(url):
    """CVE-2025-27817."""
    with pytest.raises(Misuse):
        HttpsDocument(url, ["127.0.0.1"])


def test_no_host_is_allowed_by_itself():
    with pytest.raises(Misuse, match="not among those allowed"):
        HttpsDocument("https://login.example.org/keys", [])


async def test_a_file(tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps(KEYS))

    assert json.loads(await FileDocument(str(tmp_path / "keys.json")).read()) == KEYS


async def test_a_file_that_is_not_there_or_too_large(tmp_path):
    (tmp_path / "huge").write_bytes(b" " * (DOCUMENT_BYTES_MAX + 1))

    for name in ("missing", "huge", "."):
        with pytest.raises(KeysUnavailable):
            await FileDocument(str(tmp_path / name)).read()
