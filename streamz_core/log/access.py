"""Who may do what and how much, and by which password they are known: the part of the catalog that is about people.

Owns: ``Access``, as ``catalog.json`` keeps it.
Must not know: what an entry means, how a password is checked.
"""

from __future__ import annotations

import base64

import msgspec

from streamz_core.protocol.messages.acls import AclBinding
from streamz_core.protocol.messages.client_quotas import DescribedQuota
from streamz_core.protocol.scram import ScramCredential
from streamz_core.secret import Secret


class ScramUser(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a user may log in."""

    name: str
    credential: ScramCredential


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The ACLs, the users' credentials and their quotas. Never a password."""

    acls: list[AclBinding] = []
    users: list[ScramUser] = []
    quotas: list[DescribedQuota] = []
    decoy_key: Secret | None = None
    """What the salts of users that are not there are made of, so that they are the same at every try."""


def encode_secret(value: object) -> str:
    """A ``Secret`` as JSON has it: in this one file, which its owner alone may read."""
    if not isinstance(value, Secret):
        raise TypeError(f"no JSON for {type(value).__name__}")
    return base64.b64encode(value.reveal()).decode()


def decode_secret(kind: type, value: object) -> Secret:
    """The way back."""
    if kind is not Secret or not isinstance(value, str):
        raise TypeError(f"no {kind.__name__} out of JSON")
    return Secret(base64.b64decode(value, validate=True))
