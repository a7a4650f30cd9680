"""The broker's ACLs and users: what is in force, kept in the data directory.

Owns: the table in force, the credentials by name, and changing both durably.
Must not know: requests; how a connection authenticates.

A change is durable before it is in force. Where the disk refuses it, what was in force stays so.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.broker.security.acl_table import AclTable
from streamz_core.log.access import ScramUser
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.protocol.scram import ITERATIONS_DEFAULT, SALT_BYTES, ScramCredential
from streamz_core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from streamz_core.log.access import Access
    from streamz_core.log.directory import LogDirectory
    from streamz_core.protocol.messages.acls import AclBinding

ACLS_MAX: Final = 10_000
USERS_MAX: Final = 10_000
_DECOY_KEY_BYTES: Final = 32


class Security:
    """Who may do what, and who is who; bound to one open data directory."""

    def __init__(self, directory: LogDirectory) -> None:
        self._directory = directory
        access = directory.catalog.access
        self._decoy_key = access.decoy_key or Secret(secrets.token_bytes(_DECOY_KEY_BYTES))
        self._use(access)

    def change_acls(self, *, added: Iterable[AclBinding] = (), removed: Collection[AclBinding] = ()) -> None:
        """Add and remove entries, all or none. Raises ``StorageFailure``."""
        kept = (self.acls.bindings - frozenset(removed)) | frozenset(added)
        if kept != self.acls.bindings:
            self._store(acls=sorted(kept, key=_order), users=self._users())

    def credential(self, user: str, mechanism: ScramMechanism) -> ScramCredential | None:
        """What is kept of the user's password, for this mechanism."""
        return self._credentials.get((user, mechanism))

    def credentials(self) -> Mapping[tuple[str, ScramMechanism], ScramCredential]:
        """All that is kept, by user and mechanism."""
        return self._credentials

    def change_credentials(
        self,
        *,
        added: Mapping[tuple[str, ScramMechanism], ScramCredential],
        removed: Collection[tuple[str, ScramMechanism]],
    ) -> None:
        """Set and remove credentials, all or none. Raises ``StorageFailure``."""
        kept = {key: one for key, one in self._credentials.items() if key not in removed} | dict(added)
        users = [
            ScramUser(name=name, credential=one) for (name, _), one in sorted(kept.items(), key=_by_name)
        ]
        self._store(acls=sorted(self.acls.bindings, key=_order), users=users)

    def decoy(self, user: str, mechanism: ScramMechanism) -> ScramCredential:
        """What stands in for the credential of a user that is not there: the same at every try, and no way in.

        It looks as one of those that are there, lest its iterations or its salt's length tell.
        """
        made = hmac.digest(self._decoy_key.reveal(), f"{mechanism.sasl_name}\0{user}".encode(), "sha512")
        shapes = [
            (one.iterations, len(one.salt))
            for one in self._credentials.values()
            if one.mechanism is mechanism
        ]
        iterations, salt_bytes = (shapes or [(ITERATIONS_DEFAULT, SALT_BYTES)])[
            made[-1] % max(len(shapes), 1)
        ]
        # Random at every try: nobody has the password of it.
        keys = [Secret(secrets.token_bytes(hashlib.new(mechanism.hash_name).digest_size)) for _ in range(2)]
        return ScramCredential(
            mechanism=mechanism,
            iterations=iterations,
            salt=hashlib.shake_256(made).digest(salt_bytes),
            stored_key=keys[0],
            server_key=keys[1],
        )

    def _users(self) -> list[ScramUser]:
        return [ScramUser(name=name, credential=one) for (name, _), one in self._credentials.items()]

    def _store(self, *, acls: list[AclBinding], users: list[ScramUser]) -> None:
        kept = self._directory.catalog.access
        access = msgspec.structs.replace(kept, acls=acls, users=users, decoy_key=self._decoy_key)
        self._directory.set_access(access)
        self._use(access)

    def _use(self, access: Access) -> None:
        self.acls = AclTable(access.acls)
        self._credentials = {(one.name, one.credential.mechanism): one.credential for one in access.users}


def _order(binding: AclBinding) -> tuple[str | int, ...]:
    return msgspec.structs.astuple(binding)


def _by_name(item: tuple[tuple[str, ScramMechanism], ScramCredential]) -> tuple[str, ScramMechanism]:
    return item[0]
