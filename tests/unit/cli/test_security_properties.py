"""Kafka's security properties as arguments of clients."""

from __future__ import annotations

import ssl

import pytest

from streamz_core.cli.options import OptionError
from streamz_core.cli.security_properties import security_arguments, split

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUQeMXZJ///NPJfGjJB+K3zi1F31MwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjAxNDMxMjFaGA8yMTI2MTAyNzE0MzEy
MVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOgL
Dhj5pvglPA5TA/YP3Dg1b0vNV48kVDy2ESlcNUQ7E2Sbl+nd0I6D3ATslbSXNJkF
jOdyqlJ+FLR3XfaooVCjUzBRMB0GA1UdDgQWBBRRzUzG401/DYwZnlAh5yNEU1Bn
ATAfBgNVHSMEGDAWgBRRzUzG401/DYwZnlAh5yNEU1BnATAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQC/IWW41NLFL6y477jjCjw5W+TvJgl/chsp
uoikeGgxeAIhAOJ+Ce0vurJDG5JiY8z+9fz7qr9AGfr+eE44zyNg1PSh
-----END CERTIFICATE-----
"""
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"


def arguments(**given):
    return security_arguments({name.replace("_", "."): text for name, text in given.items()}, "--config")


def test_properties_are_told_apart():
    assert split({"acks": "1", "sasl.mechanism": "PLAIN"}) == ({"sasl.mechanism": "PLAIN"}, {"acks": "1"})


@pytest.mark.parametrize(
    ("line", "name", "password"),
    [
        (f'{PLAIN} username="ann" password="s3cret";', "ann", "s3cret"),
        (f'{SCRAM} password="a b;c=d" username="ann" ;', "ann", "a b;c=d"),
        (f'{SCRAM} username="a\\"n" password=x;', 'a"n', "x"),
        (f'{PLAIN}\n username="ann"\n password="x";\n', "ann", "x"),
    ],
)
def test_a_login_is_read_from_its_jaas_line(line, name, password):
    assert arguments(sasl_jaas_config=line) == {
        "sasl_plain_username": name,
        "sasl_plain_password": password,
    }


@pytest.mark.parametrize(
    "line", ["", "hunter2", f'{PLAIN} username="ann";', 'Krb5LoginModule required password="hunter2";']
)
def test_a_line_that_is_no_login_is_refused_without_its_password(line):
    with pytest.raises(OptionError, match="expected") as refused:
        arguments(sasl_jaas_config=line)
    assert "hunter2" not in str(refused.value)


def test_librdkafkas_names_mean_the_same():
    assert arguments(sasl_mechanisms="PLAIN", sasl_username="ann", sasl_password="x") == {
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ann",
        "sasl_plain_password": "x",
    }


def test_certificates_are_read_from_pem_files(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(CERTIFICATE)

    made = arguments(security_protocol="SSL", ssl_truststore_type="PEM", ssl_truststore_location=str(file))

    context = made["ssl_context"]
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_certificates_may_stand_in_the_properties():
    made = arguments(security_protocol="SSL", ssl_truststore_certificates=CERTIFICATE)
    assert len(made["ssl_context"].get_ca_certs()) == 1


def test_the_host_is_checked_unless_java_would_not():
    made = security_arguments(
        {"security.protocol": "SASL_SSL", "ssl.endpoint.identification.algorithm": ""}, "--config"
    )
    assert not made["ssl_context"].check_hostname
    assert made["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ssl.truststore.location": "/nowhere.pem"}, "/nowhere.pem"),
        ({"ssl.truststore.type": "JKS"}, "only PEM"),
        ({"ssl.trustore.location": "x"}, "did you mean ssl.truststore.location"),
        ({"ssl.key.location": "x"}, "certfile"),
    ],
)
def test_what_cannot_be_used_is_refused(given, said):
    with pytest.raises(OptionError, match=said):
        security_arguments({"security.protocol": "SSL", **given}, "--config")
