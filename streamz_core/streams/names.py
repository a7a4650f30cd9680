"""Which names steps, stores and topics may have.

Owns: Kafka's rule, the same for all: those of stores and internal topics become parts of topics' names.
Must not know: what is named.
"""

from __future__ import annotations

import re
from typing import Final

from streamz_core.errors import Misuse

CHARACTERS_MAX: Final = 249
_ALLOWED: Final = re.compile(r"[A-Za-z0-9._-]+")


def check_name(name: object, what: str) -> None:
    """Raise ``Misuse``, beginning with ``what``, unless ``name`` may be one.

    >>> check_name("counts-by_page.v2", "Materialized")
    """
    if not isinstance(name, str):
        raise Misuse(f"{what}: expected a name, got {name!r}")
    if not _ALLOWED.fullmatch(name) or name in {".", ".."} or len(name) > CHARACTERS_MAX:
        raise Misuse(
            f"{what}: the name {name!r}: allowed are letters, digits, '.', '_' and '-', {CHARACTERS_MAX} at most"
        )
