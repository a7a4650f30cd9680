"""DescribeUserScramCredentials (API key 50).

Source: KIP-554, https://kafka.apache.org/protocol#The_Messages_DescribeUserScramCredentials
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism


class CredentialInfo(Message, frozen=True, kw_only=True):
    """That there is a credential; never what it is."""

    mechanism: ScramMechanism
    iterations: int


class DescribeUserScramCredentialsResult(Message, frozen=True, kw_only=True):
    """The credentials of one user."""

    user: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    credential_infos: list[CredentialInfo] = msgspec.field(default_factory=list)


class DescribeUserScramCredentialsResponse(Message, frozen=True, kw_only=True):
    """One result per user, by name."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    results: list[DescribeUserScramCredentialsResult] = msgspec.field(default_factory=list)
    throttle_time_ms: int = 0


class UserName(Message, frozen=True, kw_only=True):
    """A user that is asked about."""

    name: str


class DescribeUserScramCredentialsRequest(
    Request[DescribeUserScramCredentialsResponse], frozen=True, kw_only=True
):
    """Which users have which credentials; None or no users asks for all."""

    api_key: ClassVar[int] = 50
    users: list[UserName] | None = None
