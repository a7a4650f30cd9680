"""Owns: which tokens are believed: one good one, and the table of everything that must not be."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from streamz_core.errors import ErrorCode, Misuse
from streamz_core.secret import Secret
from streamz_core.server.security.jwks import KeySet, KeysUnavailable
from streamz_core.server.security.jwt_validator import InvalidToken, JwtValidator, TokenRules
from streamz_core.server.security.oauthbearer_login import OauthbearerLogin
from tests.unit.server.security.scenes import Scene

RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
WEAK = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
STRANGER = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
ISSUER, AUDIENCE = "https://login.example.org", "streamz"
ALL = ("RS256", "RS512", "PS256", "ES256", "EdDSA")


def jwk(key, kid, **more):
    algorithms = jwt.algorithms.get_default_algorithms()
    name = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
    algorithm = next(
        (algorithms[one] for kind, one in name.items() if isinstance(key, kind)), algorithms["EdDSA"]
    )
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, **more}


PUBLISHED = [
    jwk(RSA, "rsa"),
    jwk(RSA, "rsa-for-encryption", use="enc"),
    jwk(RSA, "rsa-512-only", alg="RS512"),
    jwk(WEAK, "weak"),
    jwk(EC, "ec"),
    jwk(ED, "ed"),
    {"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"s" * 32).decode()},
    {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
]


class Document:
    """See ``jwks.Document``."""

    def __init__(self, keys=PUBLISHED):
        self.keys = keys
        self.reads = 0
        self.is_down = False

    async def read(self):
        self.reads += 1
        if self.is_down:
            raise KeysUnavailable("down")
        return self.keys if isinstance(self.keys, bytes) else json.dumps({"keys": self.keys}).encode()


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def validator(scene, document) -> JwtValidator:
    rules = TokenRules(issuer=ISSUER, audience=AUDIENCE, algorithms=ALL)
    return JwtValidator(rules, KeySet(document, scene.clock), scene.clock)


def claims(scene, **more):
    now = scene.clock.now_ms() // 1000
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 600, "iat": now, **more}
    return {name: value for name, value in said.items() if value is not None}


def token(content, key=RSA, algorithm="RS256", kid="rsa", **header) -> Secret:
    return Secret.of(jwt.encode(content, key, algorithm=algorithm, headers={"kid": kid, **header}))


def unsigned(header, content, signature=b"") -> Secret:
    def part(value):
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    return Secret(b".".join([part(header), part(content), part(signature)]))


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "PS256", "rsa"),
        (RSA, "RS512", "rsa-512-only"),
        (EC, "ES256", "ec"),
        (ED, "EdDSA", "ed"),
    ],
)
async def test_a_token_of_the_issuer_for_us_is_believed(scene, validator, key, algorithm, kid):
    valid = await validator.validate(token(claims(scene), key, algorithm, kid))

    assert valid.user == "ann"
    assert valid.expires_ms == scene.clock.now_ms() // 1000 * 1000 + 600_000 + 30_000


@pytest.mark.parametrize(
    "said",
    [
        {"aud": ["other", AUDIENCE]},
        {"nbf": 0},
        {"iat": None},
        {"more": {"of": ["it"]}},
    ],
)
async def test_what_a_token_may_say_besides(scene, validator, said):
    assert (await validator.validate(token(claims(scene, **said)))).user == "ann"


NOW = 1_700_000_000
"""Where the scene's clock begins, in seconds."""


@pytest.mark.parametrize(
    "said",
    [
        {"iss": None},
        {"iss": ""},
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "other"},
        {"aud": []},
        {"aud": [["streamz"]]},
        {"aud": {"streamz": True}},
        {"exp": None},
        {"exp": NOW - 31},
        {"exp": 0},
        {"exp": -1},
        {"exp": str(NOW + 600)},
        {"exp": True},
        {"exp": 1e300},
        {"nbf": NOW + 31},
        {"nbf": "later"},
        {"iat": NOW + 31},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 250},
        {"sub": "ann\nadmin"},
        {"sub": ["ann"]},
    ],
    ids=str,
)
async def test_claims_that_are_not_for_us_or_do_not_hold(scene, validator, said):
    content = claims(scene, **said)
    # Signed by the low-level door: PyJWT itself would refuse to write some of them.
    signed = jwt.api_jws.encode(json.dumps(content).encode(), RSA, algorithm="RS256", headers={"kid": "rsa"})

    with pytest.raises(InvalidToken):
        await validator.validate(Secret.of(signed))


def public_pem():
    return RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def hmac_with(key: bytes, content, kid="rsa", algorithm="HS256"):
    """The classic confusion: the public key taken for a shared secret (written by hand: PyJWT would not)."""
    import hmac

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": algorithm, "typ": "JWT", "kid": kid}) + b"." + part(content)
    signature = base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=")
    return Secret(signed + b"." + signature)


NEGATIVE = {
    "nothing": lambda said: Secret(b""),
    "not a token": lambda said: Secret(b"ann"),
    "two parts": lambda said: Secret(b".".join(token(said).reveal().split(b".")[:2])),
    "four parts": lambda said: Secret(token(said).reveal() + b".x"),
    "alg none": lambda said: unsigned({"alg": "none", "kid": "rsa"}, said),
    "alg None": lambda said: unsigned({"alg": "None", "kid": "rsa"}, said),
    "alg empty": lambda said: unsigned({"alg": "", "kid": "rsa"}, said),
    "no alg": lambda said: unsigned({"kid": "rsa"}, said),
    "alg a list": lambda said: unsigned({"alg": ["RS256"], "kid": "rsa"}, said),
    "HMAC with the public key": lambda said: hmac_with(public_pem(), said),
    "HMAC with a published secret": lambda said: hmac_with(b"s" * 32, said, kid="shared"),
    "HMAC called RS256": lambda said: hmac_with(public_pem(), said, algorithm="RS256"),
    "an algorithm that is not allowed": lambda said: token(said, algorithm="RS384"),
    "another's key": lambda said: token(said, STRANGER),
    "another's key under its own name": lambda said: token(said, STRANGER, kid="stranger"),
    "no key id": lambda said: unsigned({"alg": "RS256"}, said),
    "a key id that is a number": lambda said: unsigned({"alg": "RS256", "kid": 7}, said),
    "the key in the header": lambda said: token(said, STRANGER, kid="x", jwk=jwk(STRANGER, "x")),
    "a link to the key": lambda said: token(said, STRANGER, kid="x", jku="https://evil.example/keys"),
    "a key for encryption": lambda said: token(said, kid="rsa-for-encryption"),
    "a key for another algorithm": lambda said: token(said, kid="rsa-512-only"),
    "a key of another type": lambda said: token(said, kid="ec"),
    "a key that is too short": lambda said: token(said, WEAK, kid="weak"),
    "critical extensions": lambda said: unsigned(
        {"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": False}, said
    ),
    "of another type": lambda said: token(said, typ="dpop+jwt"),
    "an encrypted token": lambda said: unsigned({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa"}, said),
    "no signature": lambda said: Secret(b".".join([*token(said).reveal().split(b".")[:2], b""])),
    "a signature cut short": lambda said: Secret(token(said).reveal()[:-4]),
    "the signature of other claims": lambda said: Secret(
        b".".join(
            [*token({**said, "sub": "admin"}).reveal().split(b".")[:2], token(said).reveal().split(b".")[2]]
        )
    ),
    "claims that are a list": lambda said: Secret.of(
        jwt.api_jws.encode(b"[]", RSA, algorithm="RS256", headers={"kid": "rsa"})
    ),
    "claims that are no JSON": lambda said: Secret.of(
        jwt.api_jws.encode(b"\xff", RSA, algorithm="RS256", headers={"kid": "rsa"})
    ),
    "a header that is no JSON": lambda said: unsigned(b"{", said),
    "a header that is not base64": lambda said: Secret(b"!!." + token(said).reveal().split(b".", 1)[1]),
    "far too long": lambda said: token({**said, "padding": "x" * 17_000}),
}


@pytest.mark.filterwarnings("ignore:The RSA key")
@pytest.mark.parametrize("name", NEGATIVE)
async def test_negative_tokens(scene, validator, name):
    """CVE-2026-33557: each of these was, or could have been, believed by a lenient validator."""
    made = NEGATIVE[name](claims(scene))

    with pytest.raises(InvalidToken) as refused:
        await validator.validate(made)

    for part in (one for one in made.reveal().split(b".") if len(one) > 8):
        assert part.decode() not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"audience": ""},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("none",)},
    ],
)
def test_there_is_no_lenient_validator(wrong):
    with pytest.raises(Misuse):
        TokenRules(**{"issuer": ISSUER, "audience": AUDIENCE, **wrong})


class TestKeys:
    async def test_they_are_read_once_for_many_tokens(self, scene, validator, document):
        for _ in range(5):
            await validator.validate(token(claims(scene)))

        assert document.reads == 1

    async def test_a_key_that_is_new_is_found(self, scene, validator, document):
        document.keys = PUBLISHED[:1]
        await validator.validate(token(claims(scene)))
        document.keys = [jwk(STRANGER, "next")]
        await scene.clock.advance(60_000)

        assert (await validator.validate(token(claims(scene), STRANGER, kid="next"))).user == "ann"

    async def test_key_ids_that_strangers_make_up_do_not_flood_the_issuer(self, scene, validator, document):
        for number in range(50):
            with pytest.raises(InvalidToken):
                await validator.validate(token(claims(scene), STRANGER, kid=f"made-up-{number}"))

        assert document.reads == 1

    async def test_a_key_that_is_withdrawn_is_believed_no_more(self, scene, validator, document):
        await validator.validate(token(claims(scene)))
        document.keys = []
        await scene.clock.advance(3_600_000)

        with pytest.raises(InvalidToken):
            await validator.validate(token(claims(scene)))

    async def test_an_issuer_that_is_down_shuts_nobody_out_who_is_known(self, scene, validator, document):
        await validator.validate(token(claims(scene)))
        document.is_down = True
        await scene.clock.advance(3_600_000)

        assert (await validator.validate(token(claims(scene)))).user == "ann"

    @pytest.mark.parametrize(
        "content", [b"", b"[]", b"{", b'{"keys": 7}', b'{"keys": [7]}', b"\xff", b'{"keys": []}']
    )
    async def test_a_document_that_is_none_publishes_nothing(
        self, scene, validator, document, content, caplog
    ):
        document.keys = content

        with pytest.raises(InvalidToken):
            await validator.validate(token(claims(scene)))

        assert "\\xff" not in caplog.text


class TestLogin:
    async def say(self, scene, validator, *messages):
        peer = scene.authenticator({"OAUTHBEARER": OauthbearerLogin(validator)})
        await scene.begin(peer, "OAUTHBEARER")
        return peer, [await scene.say(peer, message) for message in messages]

    def message(self, scene, header=b"n,,", more=b"", made=None):
        bearer = (made or token(claims(scene))).reveal()
        return header + b"\x01auth=Bearer " + bearer + b"\x01" + more + b"\x01"

    @pytest.mark.parametrize(
        ("header", "more"), [(b"n,,", b""), (b"n,a=ann,", b""), (b"y,,", b""), (b"n,,", b"traceId=7\x01")]
    )
    async def test_a_good_token_lets_in_until_it_ends(self, scene, validator, header, more):
        peer, (answer,) = await self.say(scene, validator, self.message(scene, header, more))

        assert (answer.error_code, answer.session_lifetime_ms) == (ErrorCode.NONE, 630_000)
        assert peer.principal == "User:ann"

    async def test_a_bad_one_is_told_in_two_steps(self, scene, validator):
        bad = self.message(scene, made=token(claims(scene, aud="other")))
        peer, (first, second) = await self.say(scene, validator, bad, b"\x01")

        assert first.auth_bytes.reveal() == b'{"status":"invalid_token"}'
        assert (first.error_code, second.error_code) == (ErrorCode.NONE, ErrorCode.SASL_AUTHENTICATION_FAILED)
        assert peer.is_over

    async def test_a_good_token_after_a_bad_one_comes_too_late(self, scene, validator):
        bad = self.message(scene, made=token(claims(scene, aud="other")))
        peer, (_, second) = await self.say(scene, validator, bad, self.message(scene))

        assert second.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert peer.is_over

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"n,,",
            b"n,,\x01\x01",
            b"n,,\x01auth=Basic YTpi\x01\x01",
            b"n,,\x01auth=Bearer \x01\x01",
            b"n,,\x01auth=Bearer a b\x01\x01",
            b"n,,\x01auth=Bearer x\x01",
            b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
            b"p=tls-unique,,\x01auth=Bearer x\x01\x01",
            b"n,,\x01auth=Bearer x\x01\x01\x01",
            b"n,,\x01auth=Bearer x\x00\x01\x01",
            b"\x01auth=Bearer x\x01\x01",
        ],
    )
    async def test_a_message_that_is_none_is_refused(self, scene, validator, message):
        peer, (answer,) = await self.say(scene, validator, message)

        assert answer.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert peer.is_over

    async def test_nobody_acts_as_another(self, scene, validator):
        peer, (answer,) = await self.say(scene, validator, self.message(scene, b"n,a=admin,"))

        assert answer.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert peer.is_over


def test_the_scenes_clock_is_where_the_table_says():
    assert Scene().clock.now_ms() // 1000 == NOW
