"""Owns: SCRAM's messages and arithmetic: the RFC's own exchange, another client's, and every mutation of a good one."""

import base64
import contextlib
import re

import pytest
from aiokafka.conn import ScramAuthenticator
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.protocol import scram
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret

SHA_256, SHA_512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512
PENCIL = Secret.of("pencil")

# The exchange of RFC 7677, section 3.
RFC_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
RFC_NONCE = "rOprNGfwEbeRWgbNEkqO"
RFC_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
RFC_CHALLENGE = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
RFC_LAST = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
RFC_VERIFIER = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def kept(mechanism=SHA_256, password=PENCIL, salt=RFC_SALT, iterations=4_096):
    salted = scram.salted_password(mechanism, password, salt, iterations)
    return scram.credential(mechanism, salted, salt, iterations)


def judged(first: bytes, last: bytes, mechanism=SHA_256, challenge=RFC_CHALLENGE):
    """What the server answers to these two messages."""
    asked = scram.parse_client_first(first)
    answer = scram.ServerFirst(re.match("r=([^,]*)", challenge)[1], RFC_SALT, 4_096, challenge)
    return scram.server_final(asked, answer, scram.parse_client_final(last), kept(mechanism))


class TestTheRfcsExchange:
    def test_as_the_server(self):
        first = scram.parse_client_first(RFC_FIRST)
        answer = scram.server_first(first.nonce + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", RFC_SALT, 4_096)

        assert answer.text == RFC_CHALLENGE
        assert scram.server_final(first, answer, scram.parse_client_final(RFC_LAST), kept()) == RFC_VERIFIER

    def test_as_the_client(self):
        first = scram.client_first("user", RFC_NONCE)
        answer = scram.parse_server_first(RFC_CHALLENGE.encode(), first)
        salted = scram.salted_password(SHA_256, PENCIL, answer.salt, answer.iterations)
        last = scram.client_final(first, answer, SHA_256, salted)

        assert (first.gs2_header + first.bare).encode() == RFC_FIRST
        assert last == RFC_LAST
        assert scram.is_server_final(RFC_VERIFIER, first, answer, last, SHA_256, salted)

    def test_a_server_that_does_not_know_the_password_is_found_out(self):
        first = scram.client_first("user", RFC_NONCE)
        answer = scram.parse_server_first(RFC_CHALLENGE.encode(), first)
        salted = scram.salted_password(SHA_256, PENCIL, answer.salt, answer.iterations)

        for claimed in (b"v=" + base64.b64encode(bytes(32)), b"v=", b"", b"e=other-error", b"v=!"):
            assert not scram.is_server_final(claimed, first, answer, RFC_LAST, SHA_256, salted)


@pytest.mark.parametrize("mechanism", [SHA_256, SHA_512])
@pytest.mark.parametrize("user", ["ann", "a,b=c", "Jürgen", "=2C"])
def test_another_projects_client_is_understood_and_understands(mechanism, user):
    client = ScramAuthenticator(
        loop=None, sasl_plain_password="pencil", sasl_plain_username=user, sasl_mechanism=mechanism.sasl_name
    )
    client.first_message_sent = True
    first = scram.parse_client_first(client.first_message().encode())
    answer = scram.server_first(first.nonce + "server", RFC_SALT, 5_000)
    client.process_server_first_message(answer.text)

    verifier = scram.server_final(
        first,
        answer,
        scram.parse_client_final(client.final_message().encode()),
        kept(mechanism, iterations=5_000),
    )

    assert first.user == user
    client.process_server_final_message(verifier.decode())


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=user",
        b"n,,r=nonce,n=user",
        b"n,,n=,r=nonce",
        b"n,,n=user,r=",
        b"n,,n=user,r=" + b"x" * 257,
        b"n,,n=us=er,r=nonce",
        b"n,,n=us=2cer,r=nonce",
        b"n,,n=user,r=non ce",
        b"n,,n=user,r=non\x00ce",
        b"n,,n=us\xffer,r=nonce",
        b"p=tls-unique,,n=user,r=nonce",
        b"x,,n=user,r=nonce",
        b"n,user,n=user,r=nonce",
        b"n,a=,n=user,r=nonce",
    ],
)
def test_a_first_message_that_is_none_is_refused(first):
    with pytest.raises(scram.ScramError):
        scram.parse_client_first(first)


@pytest.mark.parametrize(
    "last",
    [
        b"",
        b"c=biws,r=nonce",
        b"r=nonce,p=eA==",
        b"c=biws,p=eA==",
        b"c=!,r=nonce,p=eA==",
        b"c=biws,r=nonce,p=!",
        b"c=biws,r=no nce,p=eA==",
        b"c=biws,r=\xff,p=eA==",
    ],
)
def test_a_last_message_that_is_none_is_refused(last):
    with pytest.raises(scram.ScramError):
        scram.parse_client_final(last)


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"r=,s=eA==,i=4096",
        b"r=other,s=eA==,i=4096",
        RFC_NONCE.encode().join([b"r=", b",s=eA==,i=4096"]),
        b"r=" + RFC_NONCE.encode() + b"x,s=,i=4096",
        b"r=" + RFC_NONCE.encode() + b"x,s=!,i=4096",
        b"r=" + RFC_NONCE.encode() + b"x,s=eA==,i=4095",
        b"r=" + RFC_NONCE.encode() + b"x,s=eA==,i=1000001",
        b"r=" + RFC_NONCE.encode() + b"x,s=eA==,i=-5000",
        b"r=" + RFC_NONCE.encode() + b"x,s=eA==,i=" + b"9" * 5_000,
        b"r=" + RFC_NONCE.encode() + "x,s=eA==,i=٤٠٩٦".encode(),
        b"s=eA==,r=" + RFC_NONCE.encode() + b"x,i=4096",
        b"e=unknown-user",
    ],
)
def test_a_client_does_not_answer_a_challenge_that_is_none(challenge):
    with pytest.raises(scram.ScramError):
        scram.parse_server_first(challenge, scram.client_first("user", RFC_NONCE))


class TestMutations:
    """CVE-2024-56128 and its like: whatever is changed in a good exchange, it is good no more."""

    def test_of_the_nonce(self):
        nonce = re.search(rb"r=([^,]*)", RFC_LAST)[1]
        for other in (
            nonce[:-1],
            nonce + b"x",
            b"x" + nonce[1:],
            RFC_NONCE.encode(),
            nonce.swapcase(),
            nonce[::-1],
        ):
            assert judged(RFC_FIRST, RFC_LAST.replace(nonce, other)) is None

    def test_of_the_channel_binding(self):
        for header in (b"n,a=user,", b"y,,", b"p=tls-unique,,", b"", b"n,,x"):
            mutated = RFC_LAST.replace(b"c=biws", b"c=" + base64.b64encode(header))
            assert judged(RFC_FIRST, mutated) is None

    def test_of_the_header_that_was_bound(self):
        for header in (b"y,,", b"n,a=user,"):
            assert judged(RFC_FIRST.replace(b"n,,", header, 1), RFC_LAST) is None

    def test_of_the_user(self):
        assert judged(RFC_FIRST.replace(b"n=user", b"n=admin"), RFC_LAST) is None

    def test_of_the_challenge(self):
        assert judged(RFC_FIRST, RFC_LAST, challenge=RFC_CHALLENGE.replace("i=4096", "i=4097")) is None

    def test_of_the_mechanism(self):
        assert judged(RFC_FIRST, RFC_LAST, SHA_512) is None

    def test_of_the_length_of_the_proof(self):
        proof = base64.b64decode(RFC_LAST.rpartition(b"p=")[2])
        for other in (b"", proof[:-1], proof + b"x", proof * 2, bytes(len(proof))):
            mutated = RFC_LAST.rpartition(b"p=")[0] + b"p=" + base64.b64encode(other)
            assert judged(RFC_FIRST, mutated) is None

    @settings(deadline=None, max_examples=300)
    @given(st.integers(0, len(RFC_LAST) - 1), st.integers(0, 7))
    def test_of_any_bit(self, position, bit):
        mutated = bytearray(RFC_LAST)
        mutated[position] ^= 1 << bit
        try:
            verifier = judged(RFC_FIRST, bytes(mutated))
        except scram.ScramError:
            return

        # The bits of base64 that no byte is made of are the only ones that do not matter.
        same = base64.b64decode(bytes(mutated).rpartition(b"p=")[2]) == base64.b64decode(
            RFC_LAST.rpartition(b"p=")[2]
        )
        assert (verifier is not None) is (same and bytes(mutated).startswith(RFC_LAST.rpartition(b"p=")[0]))

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=80))
    def test_arbitrary_bytes_prove_nothing_and_break_nothing(self, message):
        for parse in (scram.parse_client_first, scram.parse_client_final):
            with contextlib.suppress(scram.ScramError):
                parse(message)


def test_what_is_kept_shows_nothing():
    shown = repr(kept())

    assert "Secret(***)" in shown
    assert base64.b64encode(kept().stored_key.reveal()).decode() not in shown
