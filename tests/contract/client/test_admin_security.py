"""Owns: administering ACLs and users on the real broker, in its process and over a socket."""

from __future__ import annotations

import pytest

from streamz_core.client import errors
from streamz_core.client.acls import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
)
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.secret import Secret

SHA_256, SHA_512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512


@pytest.fixture
async def admin(address):
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        yield admin


def acl(name="views", principal="User:alice", **more) -> AclBinding:
    return AclBinding(
        resource_type=ResourceType.TOPIC,
        resource_name=name,
        resource_pattern_type=more.pop("pattern", PatternType.LITERAL),
        principal=principal,
        operation=more.pop("operation", AclOperation.READ),
        permission_type=AclPermissionType.ALLOW,
        **more,
    )


async def test_acls_are_created_described_and_deleted(admin):
    prefixed = acl("vi", pattern=PatternType.PREFIXED, host="10.0.0.1")
    await admin.create_acls([acl(), prefixed, acl("other")])
    await admin.create_acls([acl()])

    assert set(await admin.describe_acls()) == {acl(), prefixed, acl("other")}
    matching = AclBindingFilter(
        resource_type_filter=ResourceType.TOPIC,
        resource_name_filter="views",
        pattern_type_filter=PatternType.MATCH,
    )
    assert set(await admin.describe_acls(matching)) == {acl(), prefixed}

    assert set(await admin.delete_acls([matching, matching])) == {acl(), prefixed}
    assert await admin.describe_acls() == [acl("other")]
    assert await admin.delete_acls([matching]) == []


async def test_one_that_could_never_apply_is_named(admin):
    with pytest.raises(errors.InvalidRequestError, match=r"CLUSTER_ACTION on LITERAL TOPIC 'views'"):
        await admin.create_acls([acl("other"), acl(operation=AclOperation.CLUSTER_ACTION)])

    assert await admin.describe_acls() == [acl("other")]


async def test_a_principal_has_a_type(admin):
    with pytest.raises(errors.InvalidPrincipalType, match="User:alice"):
        await admin.create_acls([acl(principal="alice")])


@pytest.mark.parametrize("password", ["wörd", Secret.of("wörd")])
async def test_users_are_set_described_and_deleted(admin, password):
    await admin.upsert_user_scram_credential("alice", password)
    await admin.upsert_user_scram_credential("alice", password, SHA_256, iterations=5_000)
    await admin.upsert_user_scram_credential("bob", password, iterations=4_096)

    assert await admin.describe_user_scram_credentials() == {
        "alice": [ScramCredentialInfo(SHA_256, 5_000), ScramCredentialInfo(SHA_512, 16_384)],
        "bob": [ScramCredentialInfo(SHA_512, 4_096)],
    }
    assert list(await admin.describe_user_scram_credentials(["bob", "bob"])) == ["bob"]
    assert await admin.describe_user_scram_credentials([]) == {}

    await admin.delete_user_scram_credential("alice")
    assert (await admin.describe_user_scram_credentials())["alice"] == [ScramCredentialInfo(SHA_256, 5_000)]


async def test_users_that_are_not_there_are_told_of(admin):
    with pytest.raises(errors.ResourceNotFoundError, match="eve"):
        await admin.describe_user_scram_credentials(["eve"])
    with pytest.raises(errors.ResourceNotFoundError, match="eve"):
        await admin.delete_user_scram_credential("eve")


async def test_a_password_that_is_none_and_a_guess_that_is_too_cheap_are_refused(admin):
    with pytest.raises(errors.IllegalArgumentError, match="empty"):
        await admin.upsert_user_scram_credential("alice", "")
    with pytest.raises(errors.IllegalArgumentError, match="iterations"):
        await admin.upsert_user_scram_credential("alice", "x", iterations=2_000_000)
    with pytest.raises(errors.UnacceptableCredentialError, match="4096"):
        await admin.upsert_user_scram_credential("alice", "x", iterations=100)
    with pytest.raises(errors.UnacceptableCredentialError, match="name"):
        await admin.upsert_user_scram_credential("", "x", iterations=4_096)
