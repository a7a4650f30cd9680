"""Owns: the tests of TLS contexts and token providers. Must not know: connections."""

from __future__ import annotations

import ssl

import pytest

from streamz_core.client.settings import SettingError
from streamz_core.client.tls import AbstractTokenProvider, create_ssl_context


def test_a_context_verifies_certificate_and_name():
    context = create_ssl_context()

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("name", ["cafile", "certfile", "crlfile"])
def test_a_file_that_is_not_there_is_told(tmp_path, name):
    with pytest.raises(FileNotFoundError):
        create_ssl_context(**{name: tmp_path / "missing.pem"})


def test_a_certificate_may_have_its_key_in_its_own_file(tmp_path):
    both = tmp_path / "both.pem"
    both.write_text("neither")

    with pytest.raises(ssl.SSLError):
        create_ssl_context(certfile=both)


def test_a_key_without_a_certificate_is_refused(tmp_path):
    with pytest.raises(SettingError, match="certfile"):
        create_ssl_context(keyfile=tmp_path / "key.pem")


async def test_a_token_provider_has_no_extensions_unless_it_says_so():
    class Provider(AbstractTokenProvider):
        async def token(self):
            return "secret"

    assert await Provider().token() == "secret"
    assert Provider().extensions() == {}
    with pytest.raises(TypeError):
        AbstractTokenProvider()
