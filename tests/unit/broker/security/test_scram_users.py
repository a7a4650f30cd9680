"""Owns: users' credentials as requests change them; that what is kept gives nothing away."""

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol import scram
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    UserName,
)
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from tests.unit.broker.security.refusing_files import RefusingFiles

SHA_256, SHA_512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512
CANARY = "canary-password-7f3a"


def upsertion(name="ann", mechanism=SHA_256, **more) -> ScramCredentialUpsertion:
    iterations, salt = more.get("iterations", 4_096), more.get("salt", b"salt-of-ann")
    salted = scram.salted_password(mechanism, Secret.of(CANARY), b"salt-of-ann", 4_096)
    return ScramCredentialUpsertion(
        name=name,
        mechanism=mechanism,
        iterations=iterations,
        salt=salt,
        salted_password=more.get("salted_password", salted),
    )


async def alter(talk, *upsertions, deletions=()):
    request = AlterUserScramCredentialsRequest(
        upsertions=list(upsertions),
        deletions=[ScramCredentialDeletion(name=name, mechanism=kind) for name, kind in deletions],
    )
    return {one.user: one.error_code for one in (await talk.broker.handle(request)).results}


async def described(talk, *names):
    users = [UserName(name=name) for name in names] or None
    answer = await talk.broker.handle(DescribeUserScramCredentialsRequest(users=users))
    return {
        one.user: [info.mechanism for info in one.credential_infos] or one.error_code
        for one in answer.results
    }


async def test_a_password_that_was_set_is_known_again_and_no_other(open_broker):
    talk = await open_broker()

    assert await alter(talk, upsertion("ann"), upsertion("ann", SHA_512), upsertion("bob")) == {
        "ann": ErrorCode.NONE,
        "bob": ErrorCode.NONE,
    }

    kept = talk.broker.security.credential("ann", SHA_256)
    assert scram.is_password_of(kept, Secret.of(CANARY))
    assert not scram.is_password_of(kept, Secret.of(CANARY + "x"))
    assert await described(talk) == {"ann": [SHA_256, SHA_512], "bob": [SHA_256]}
    assert await described(talk, "bob", "eve") == {"bob": [SHA_256], "eve": ErrorCode.RESOURCE_NOT_FOUND}


async def test_users_are_there_after_a_restart(open_broker):
    before = await open_broker()
    await alter(before, upsertion("ann"))
    await before.broker.close()

    after = await open_broker()

    assert scram.is_password_of(after.broker.security.credential("ann", SHA_256), Secret.of(CANARY))


async def test_who_is_deleted_is_gone(open_broker):
    talk = await open_broker()
    await alter(talk, upsertion("ann"), upsertion("ann", SHA_512))

    assert await alter(talk, deletions=[("ann", SHA_256)]) == {"ann": ErrorCode.NONE}
    assert await alter(talk, deletions=[("ann", SHA_256)]) == {"ann": ErrorCode.RESOURCE_NOT_FOUND}
    assert await described(talk) == {"ann": [SHA_512]}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([upsertion(iterations=4_095)], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(iterations=1_000_001)], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(salt=b"")], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(salt=b"x" * 2_000)], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(salted_password=Secret(b""))], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(salted_password=Secret(b"x" * 64))], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(name="")], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(name="a\nb")], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(name="x" * 250)], ErrorCode.UNACCEPTABLE_CREDENTIAL),
        ([upsertion(), upsertion()], ErrorCode.DUPLICATE_RESOURCE),
    ],
)
async def test_what_is_not_acceptable_changes_nothing(open_broker, changes, code):
    talk = await open_broker()

    assert await alter(talk, *changes, upsertion("bob")) == {
        changes[0].name: code,
        "bob": ErrorCode.NONE,
    }
    assert await described(talk) == {"bob": [SHA_256]}


async def test_a_mechanism_that_is_not_known_is_refused(open_broker):
    talk = await open_broker()
    odd = ScramCredentialUpsertion(
        name="ann",
        mechanism=ScramMechanism(9),
        iterations=4_096,
        salt=b"12345678",
        salted_password=Secret(b"x"),
    )

    assert await alter(talk, odd) == {"ann": ErrorCode.UNSUPPORTED_SASL_MECHANISM}


async def test_all_that_is_asked_for_one_user_or_nothing(open_broker):
    talk = await open_broker()
    await alter(talk, upsertion("ann"))

    codes = await alter(talk, upsertion("ann", SHA_512), deletions=[("ann", SHA_256), ("ann", SHA_512)])

    assert codes == {"ann": ErrorCode.DUPLICATE_RESOURCE}
    assert await described(talk) == {"ann": [SHA_256]}


async def test_asking_twice_about_one_user_is_told(open_broker):
    talk = await open_broker()
    await alter(talk, upsertion("ann"))

    assert await described(talk, "ann", "ann") == {"ann": ErrorCode.DUPLICATE_RESOURCE}


async def test_what_the_disk_refuses_is_not_in_force(open_broker):
    files = RefusingFiles()
    talk = await open_broker(files=files)

    files.is_full = True

    assert await alter(talk, upsertion("ann")) == {"ann": ErrorCode.KAFKA_STORAGE_ERROR}
    assert talk.broker.security.credential("ann", SHA_256) is None
    files.is_full = False


async def test_the_directory_does_not_hold_the_password(open_broker, files):
    talk = await open_broker()
    await alter(talk, upsertion("ann"), upsertion("ann", SHA_512))
    salted = scram.salted_password(SHA_256, Secret.of(CANARY), b"salt-of-ann", 4_096)

    content = b"".join(read_all(files, "/data"))

    assert b"ann" in content
    assert CANARY.encode() not in content
    # With the salted password one could log in; with what is kept one cannot.
    assert salted.reveal() not in content


class TestDecoys:
    """What stands in for users that are not there."""

    async def test_they_are_the_same_at_every_try_and_for_each_user_another(self, open_broker):
        security = (await open_broker()).broker.security

        salts = {user: security.decoy(user, SHA_256).salt for user in ("eve", "mal")}

        assert security.decoy("eve", SHA_256).salt == salts["eve"]
        assert salts["eve"] != salts["mal"]
        assert security.decoy("eve", SHA_512).salt != salts["eve"]

    async def test_they_are_the_same_after_a_restart(self, open_broker):
        before = await open_broker()
        await alter(before, upsertion("ann"))
        salt = before.broker.security.decoy("eve", SHA_256).salt
        await before.broker.close()

        assert (await open_broker()).broker.security.decoy("eve", SHA_256).salt == salt

    async def test_they_look_like_those_that_are_there(self, open_broker):
        talk = await open_broker()
        await alter(talk, upsertion("ann", iterations=5_000, salt=b"12345678"))

        decoy = talk.broker.security.decoy("eve", SHA_256)

        assert (decoy.iterations, len(decoy.salt)) == (5_000, 8)

    async def test_nobody_has_their_password(self, open_broker):
        security = (await open_broker()).broker.security

        assert security.decoy("eve", SHA_256).stored_key != security.decoy("eve", SHA_256).stored_key


def read_all(files, path):
    for name in files.listdir(path):
        inner = f"{path}/{name}"
        try:
            yield from read_all(files, inner)
        except OSError:
            file = files.open(inner, read_only=True)
            yield file.read_at(0, file.size())
            file.close()
