"""What a request makes of the users' credentials.

Owns: which changes are acceptable, user by user: all that is asked for one, or nothing.
Must not know: where credentials are kept.

Source: KIP-554
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.broker.security.security import USERS_MAX
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol import scram
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamz_core.protocol.messages.alter_user_scram_credentials import (
        AlterUserScramCredentialsRequest,
        ScramCredentialUpsertion,
    )
    from streamz_core.protocol.scram import ScramCredential

Key = tuple[str, ScramMechanism]
"""User and mechanism."""

_USER_CHARACTERS_MAX: Final = 249
_SALT_BYTES_MIN: Final = 8
_SALT_BYTES_MAX: Final = 1_024


class Changes(NamedTuple):
    """What is to be done, and for whom it is not done and why. ``users`` are all that were asked about."""

    users: list[str]
    added: dict[Key, ScramCredential]
    removed: set[Key]
    refused: dict[str, Refusal]


def decide(request: AlterUserScramCredentialsRequest, existing: Collection[Key]) -> Changes:
    """Sort the request's changes into those that are made and those that are not."""
    gone: list[Key] = [(one.name, one.mechanism) for one in request.deletions]
    asked = gone + [(one.name, one.mechanism) for one in request.upsertions]
    refused = _refuse_keys(asked)
    for key in gone:
        if key not in existing:
            message = f"there is no {_named(*key)}"
            refused.setdefault(key[0], Refusal(ErrorCode.RESOURCE_NOT_FOUND, message))
    for new in request.upsertions:
        refusal = None if new.name in refused else _refuse_credential(new)
        if refusal is not None:
            refused[new.name] = refusal
    added = {
        (new.name, new.mechanism): scram.credential(
            new.mechanism, new.salted_password, new.salt, new.iterations
        )
        for new in request.upsertions
        if new.name not in refused
    }
    removed = {key for key in gone if key[0] not in refused}
    if len((set(existing) - removed) | added.keys()) > USERS_MAX:
        full = Refusal(ErrorCode.POLICY_VIOLATION, f"at most {USERS_MAX} credentials are kept")
        refused |= {name: full for name, _ in asked if name not in refused}
        added, removed = {}, set()
    return Changes(list(dict.fromkeys(name for name, _ in asked)), added, removed, refused)


def _refuse_keys(asked: list[Key]) -> dict[str, Refusal]:
    """The users whose names or mechanisms are not acceptable, or who are asked about twice."""
    times = Counter(asked)
    refused: dict[str, Refusal] = {}
    for key in asked:
        refusal = _refuse_name(key[0]) or _refuse_mechanism(*key)
        if refusal is None and times[key] > 1:
            message = f"{_named(*key)} is in the request more than once"
            refusal = Refusal(ErrorCode.DUPLICATE_RESOURCE, message)
        if refusal is not None:
            refused.setdefault(key[0], refusal)
    return refused


def _refuse_name(name: str) -> Refusal | None:
    if 0 < len(name) <= _USER_CHARACTERS_MAX and name.isprintable():
        return None
    message = f"a user's name has 1 to {_USER_CHARACTERS_MAX} printable characters"
    return Refusal(ErrorCode.UNACCEPTABLE_CREDENTIAL, message)


def _refuse_mechanism(name: str, mechanism: ScramMechanism) -> Refusal | None:
    if mechanism is not ScramMechanism.UNKNOWN:
        return None
    return Refusal(ErrorCode.UNSUPPORTED_SASL_MECHANISM, f"user {name!r}: a mechanism that is not known")


def _refuse_credential(new: ScramCredentialUpsertion) -> Refusal | None:
    named = _named(new.name, new.mechanism)
    lowest, highest = scram.ITERATIONS_MIN, scram.ITERATIONS_MAX
    if not lowest <= new.iterations <= highest:
        message = f"{named}: {new.iterations} iterations; allowed are {lowest} to {highest}"
    elif not _SALT_BYTES_MIN <= len(new.salt) <= _SALT_BYTES_MAX:
        message = (
            f"{named}: a salt of {len(new.salt)} bytes; allowed are {_SALT_BYTES_MIN} to {_SALT_BYTES_MAX}"
        )
    elif len(new.salted_password) != hashlib.new(new.mechanism.hash_name).digest_size:
        message = f"{named}: a salted password of {len(new.salted_password)} bytes, not its hash's"
    else:
        return None
    return Refusal(ErrorCode.UNACCEPTABLE_CREDENTIAL, message)


def _named(name: str, mechanism: ScramMechanism) -> str:
    return f"credential {mechanism.sasl_name} of user {name!r}"
