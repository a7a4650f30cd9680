"""Administering who may do what, and who is who.

Owns: the admin client's methods about ACLs (KIP-11, KIP-290) and SCRAM users (KIP-554).
Must not know: how either is kept or applied.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from streamz_core.client.acls import AclBindingFilter, ScramCredentialInfo, ScramMechanism
from streamz_core.client.admin_session import AdminSession, raise_for
from streamz_core.client.errors import IllegalArgumentError, error_for
from streamz_core.client.request import explained
from streamz_core.errors import ErrorCode
from streamz_core.protocol import scram
from streamz_core.protocol.messages.acls import AclBinding
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.create_acls import CreateAclsRequest
from streamz_core.protocol.messages.delete_acls import DeleteAclsRequest
from streamz_core.protocol.messages.describe_acls import DescribeAclsRequest
from streamz_core.protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    UserName,
)
from streamz_core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable


class SecurityAdministration(AdminSession):
    """ACLs and users."""

    async def create_acls(self, acls: Iterable[AclBinding]) -> None:
        """Add entries; one that is there already stays.

        All that are well formed are added; then ``InvalidRequestError`` naming the first that is not.
        """
        bindings = list(acls)
        answer = await self._requests().send(CreateAclsRequest(creations=bindings), "creating ACLs")
        for binding, result in zip(bindings, answer.results, strict=True):
            _raise_for(result.error_code, result.error_message, f"creating {describe(binding)}")

    async def describe_acls(self, acl_filter: AclBindingFilter | None = None) -> list[AclBinding]:
        """The entries that pass the filter; all of them without one."""
        wanted = acl_filter or AclBindingFilter()
        request = DescribeAclsRequest(**msgspec.structs.asdict(wanted))
        answer = await self._requests().send(request, "describing ACLs")
        _raise_for(answer.error_code, answer.error_message, "describing ACLs")
        return [
            AclBinding(
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
                resource_pattern_type=resource.pattern_type,
                principal=acl.principal,
                host=acl.host,
                operation=acl.operation,
                permission_type=acl.permission_type,
            )
            for resource in answer.resources
            for acl in resource.acls
        ]

    async def delete_acls(self, filters: Iterable[AclBindingFilter]) -> list[AclBinding]:
        """Delete every entry that one of the filters lets pass, and say which those were."""
        answer = await self._requests().send(DeleteAclsRequest(filters=list(filters)), "deleting ACLs")
        deleted: dict[AclBinding, None] = {}
        for result in answer.filter_results:
            _raise_for(result.error_code, result.error_message, "deleting ACLs")
            for one in result.matching_acls:
                _raise_for(one.error_code, one.error_message, "deleting ACLs")
                deleted[
                    AclBinding(
                        resource_type=one.resource_type,
                        resource_name=one.resource_name,
                        resource_pattern_type=one.pattern_type,
                        principal=one.principal,
                        host=one.host,
                        operation=one.operation,
                        permission_type=one.permission_type,
                    )
                ] = None
        return list(deleted)

    async def describe_user_scram_credentials(
        self, users: Iterable[str] | None = None
    ) -> dict[str, list[ScramCredentialInfo]]:
        """How users can log in, by name; all users where none are named. Never with what.

        ``ResourceNotFoundError`` for a user that is named and has no credential.
        """
        names = None if users is None else list(dict.fromkeys(users))
        if names == []:
            return {}
        request = DescribeUserScramCredentialsRequest(
            users=None if names is None else [UserName(name=name) for name in names]
        )
        answer = await self._requests().send(request, "describing users")
        _raise_for(answer.error_code, answer.error_message, "describing users")
        described = {}
        for result in answer.results:
            _raise_for(result.error_code, result.error_message, f"user {result.user!r}")
            described[result.user] = [
                ScramCredentialInfo(one.mechanism, one.iterations) for one in result.credential_infos
            ]
        return described

    async def upsert_user_scram_credential(
        self,
        user: str,
        password: str | Secret,
        mechanism: ScramMechanism = ScramMechanism.SCRAM_SHA_512,
        *,
        iterations: int = scram.ITERATIONS_DEFAULT,
    ) -> None:
        """Let ``user`` log in with ``password``; one that was set before no longer works.

        The password itself is not sent. Making a guess costly takes the event loop, too, some ten milliseconds at
        16,384 iterations. ``UnacceptableCredentialError`` for iterations out of bounds.
        """
        self._requests()
        secret = password if isinstance(password, Secret) else Secret.of(password)
        if not len(secret):
            raise IllegalArgumentError(f"the password of user {user!r} is empty")
        if not 1 <= iterations <= scram.ITERATIONS_MAX:
            raise IllegalArgumentError(f"iterations={iterations}: allowed are up to {scram.ITERATIONS_MAX}")
        salt = secrets.token_bytes(scram.SALT_BYTES)
        salted = scram.salted_password(mechanism, secret, salt, iterations)
        new = ScramCredentialUpsertion(
            name=user, mechanism=mechanism, iterations=iterations, salt=salt, salted_password=salted
        )
        await self._alter(
            AlterUserScramCredentialsRequest(upsertions=[new]), f"setting the password of {user!r}"
        )

    async def delete_user_scram_credential(
        self, user: str, mechanism: ScramMechanism = ScramMechanism.SCRAM_SHA_512
    ) -> None:
        """Let ``user`` no longer log in by this mechanism. ``ResourceNotFoundError`` if it could not."""
        gone = ScramCredentialDeletion(name=user, mechanism=mechanism)
        await self._alter(
            AlterUserScramCredentialsRequest(deletions=[gone]),
            f"deleting the {mechanism.sasl_name} credential of {user!r}",
        )

    async def _alter(self, request: AlterUserScramCredentialsRequest, what: str) -> None:
        answer = await self._requests().send(request, what)
        for result in answer.results:
            _raise_for(result.error_code, result.error_message, what)


def describe(binding: AclBinding) -> str:
    """An entry in words.

    >>> from streamz_core.client.acls import AclOperation, AclPermissionType, ResourceType
    >>> read, allow = AclOperation.READ, AclPermissionType.ALLOW
    >>> describe(AclBinding(resource_type=ResourceType.TOPIC, resource_name="views", principal="User:alice",
    ...                     operation=read, permission_type=allow))
    "ALLOW READ on LITERAL TOPIC 'views' to User:alice from *"
    """
    return (
        f"{binding.permission_type.name} {binding.operation.name} on {binding.resource_pattern_type.name} "
        f"{binding.resource_type.name} {binding.resource_name!r} to {binding.principal} from {binding.host}"
    )


def _raise_for(code: ErrorCode, message: str | None, what: str) -> None:
    if code != ErrorCode.NONE and message is not None:
        raise error_for(code, f"{what}: {message} ({explained(code)})")
    raise_for(code, what)
