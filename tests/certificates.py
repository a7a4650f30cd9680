"""Owns: certificate authorities and what they sign, made anew for each run of the tests."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def common_name(text: str) -> x509.Name:
    return name((NameOID.ORGANIZATION_NAME, "streamz tests"), (NameOID.COMMON_NAME, text))


class Authority:
    """Signs certificates; ``ca`` is the file of its own."""

    def __init__(self, directory: Path, called: str = "authority") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = common_name(called)
        self._certificate = self._built(self._name, self._key.public_key(), is_ca=True)
        self.ca = str(directory / f"{called}.pem")
        Path(self.ca).write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        file: str,
        subject: x509.Name | str = "localhost",
        *,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
        days: tuple[int, int] = (-1, 1),
        password: bytes | None = None,
    ) -> tuple[str, str]:
        """A certificate and its key, as files; ``days`` from when until when it holds."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = common_name(subject) if isinstance(subject, str) else subject
        certificate = self._built(named, key.public_key(), hosts=hosts, days=days)
        paths = (self._directory / f"{file}.pem", self._directory / f"{file}.key")
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        encryption = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password)
        )
        paths[1].write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )
        return str(paths[0]), str(paths[1])

    def _built(self, subject, public_key, *, hosts=(), days=(-1, 1), is_ca=False) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * _DAY)
            .not_valid_after(now + days[1] * _DAY)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if is_ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(one) for one in hosts]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
