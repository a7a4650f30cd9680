"""The SCRAM mechanisms, by the numbers that requests about credentials use.

Owns: which there are, what each is called in SASL, and its hash.
Must not know: how they work.

Source: KIP-554
"""

from __future__ import annotations

from enum import IntEnum


class ScramMechanism(IntEnum):
    """SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677)."""

    UNKNOWN = 0
    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2

    @classmethod
    def _missing_(cls, value: object) -> ScramMechanism:
        return cls.UNKNOWN

    @property
    def sasl_name(self) -> str:
        """As SaslHandshake names it, such as ``SCRAM-SHA-256``."""
        return self.name.replace("_", "-")

    @property
    def hash_name(self) -> str:
        """As ``hashlib`` names its hash, such as ``sha256``."""
        return f"sha{self.name.rpartition('_')[2]}"
