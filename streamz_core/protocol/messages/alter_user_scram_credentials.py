"""AlterUserScramCredentials (API key 51).

Source: KIP-554, https://kafka.apache.org/protocol#The_Messages_AlterUserScramCredentials
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret


class ScramCredentialDeletion(Message, frozen=True, kw_only=True):
    """A credential to remove."""

    name: str
    mechanism: ScramMechanism


class ScramCredentialUpsertion(Message, frozen=True, kw_only=True):
    """A credential to make or replace; the password itself is never sent."""

    name: str
    mechanism: ScramMechanism
    iterations: int
    salt: bytes
    salted_password: Secret


class AlterUserScramCredentialsResult(Message, frozen=True, kw_only=True):
    """What became of one user's changes."""

    user: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class AlterUserScramCredentialsResponse(Message, frozen=True, kw_only=True):
    """One result per user."""

    results: list[AlterUserScramCredentialsResult]
    throttle_time_ms: int = 0


class AlterUserScramCredentialsRequest(Request[AlterUserScramCredentialsResponse], frozen=True, kw_only=True):
    """Change users' credentials; all that is asked for one user, or nothing."""

    api_key: ClassVar[int] = 51
    deletions: list[ScramCredentialDeletion] = msgspec.field(default_factory=list)
    upsertions: list[ScramCredentialUpsertion] = msgspec.field(default_factory=list)
