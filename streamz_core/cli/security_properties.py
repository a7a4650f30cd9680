"""How Kafka's clients are told to encrypt and to log in, as arguments of this project's clients.

Owns: the names that begin with ``security.``, ``sasl.`` and ``ssl.`` (Java's, and librdkafka's where it has
its own), and reading PEM files and JAAS lines.
Must not know: what a client does with them.

Java key stores (JKS, PKCS12) are not read: keytool and openssl make PEM files of them.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any, Final

from streamz_core.cli.options import OptionError, unknown
from streamz_core.client.tls import create_ssl_context

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIXES: Final = ("security.", "sasl.", "ssl.")
_LOGIN: Final = re.compile(
    r"\s*[\w.$]+(?:PlainLoginModule|ScramLoginModule)\s+required\s+(?P<options>.*?);?\s*", re.DOTALL
)
_OPTION: Final = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_TEXT: Final = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
}
_FILES: Final = {
    "ssl.truststore.location": "cafile",
    "ssl.ca.location": "cafile",
    "ssl.keystore.location": "certfile",
    "ssl.certificate.location": "certfile",
    "ssl.key.location": "keyfile",
    "ssl.key.password": "password",
    "ssl.crl.location": "crlfile",
}
_TRUST: Final = "ssl.truststore.certificates"
_JAAS: Final = "sasl.jaas.config"
_HOST_CHECK: Final = "ssl.endpoint.identification.algorithm"
_STORE_TYPES: Final = ("ssl.truststore.type", "ssl.keystore.type")
NAMES: Final = frozenset({*_TEXT, *_FILES, _TRUST, _JAAS, _HOST_CHECK, *_STORE_TYPES})


def split(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Properties about security, and the others."""
    about = {name: text for name, text in given.items() if name.startswith(PREFIXES)}
    return about, {name: text for name, text in given.items() if name not in about}


def security_arguments(given: Mapping[str, str], option: str) -> dict[str, Any]:
    """Properties as keyword arguments.

    >>> login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="ann" password="x";'
    >>> security_arguments({"sasl.jaas.config": login}, "--command-config")
    {'sasl_plain_username': 'ann', 'sasl_plain_password': 'x'}
    """
    for name in given:
        if name not in NAMES:
            raise OptionError(f"{option} {name}: {unknown(name, NAMES)}")
    for name in _STORE_TYPES:
        if given.get(name, "PEM").upper() != "PEM":
            raise OptionError(f"{option} {name}: only PEM is read; make PEM files with keytool and openssl")
    result: dict[str, Any] = {_TEXT[name]: text for name, text in given.items() if name in _TEXT}
    if _JAAS in given:
        result |= _login(given[_JAAS], option)
    if result.get("security_protocol", "").upper() in ("SSL", "SASL_SSL"):
        result["ssl_context"] = _context(given, option)
    return result


def _login(line: str, option: str) -> dict[str, str]:
    found = _LOGIN.fullmatch(line)
    said = {} if found is None else {name: _plain(a) or b for name, a, b in _OPTION.findall(found["options"])}
    if not {"username", "password"} <= said.keys():
        # The line holds a password, so it is not repeated here.
        raise OptionError(
            f"{option} {_JAAS}: expected …PlainLoginModule or …ScramLoginModule required "
            'username="…" password="…";'
        )
    return {"sasl_plain_username": said["username"], "sasl_plain_password": said["password"]}


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


def _context(given: Mapping[str, str], option: str) -> ssl.SSLContext:
    files = {_FILES[name]: text for name, text in given.items() if name in _FILES}
    try:
        context = create_ssl_context(**files, cadata=given.get(_TRUST))
    except (OSError, ssl.SSLError, ValueError) as error:
        named = ", ".join(path for key, path in files.items() if key != "password")
        raise OptionError(f"{option} ssl.*: {named or _TRUST} cannot be used: {error}") from error
    if given.get(_HOST_CHECK, "https").strip().lower() in ("", "none"):
        context.check_hostname = False
    return context
