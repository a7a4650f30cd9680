"""Which names a topic may have.

Owns: Kafka's rules for topic names.
Must not know: which topics there are beyond the names it is given.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from streamz_core.log.errors import InvalidTopic, TopicExists

NAME_CHARACTERS_MAX: Final = 249
_ALLOWED: Final = re.compile(r"[A-Za-z0-9._-]+")


def check_topic_name(name: str, existing: Collection[str] = ()) -> None:
    """Raise ``InvalidTopic`` or ``TopicExists`` unless a topic ``name`` may be made beside ``existing`` ones.

    >>> check_topic_name("page-views.v1")
    """
    if name in (".", "..") or not _ALLOWED.fullmatch(name):
        raise InvalidTopic(
            f"topic name {name!r}: allowed are letters A-Z a-z, digits, '.', '_', '-' (not '.' or '..' alone)"
        )
    if len(name) > NAME_CHARACTERS_MAX:
        raise InvalidTopic(f"a topic name of {len(name)} characters; allowed: {NAME_CHARACTERS_MAX}")
    if name in existing:
        raise TopicExists(f"topic {name!r} exists already")
    folded = name.replace(".", "_")
    if "_" not in folded:
        return  # nothing else folds to it, so a thousand topics need not be compared with a thousand
    for other in existing:
        if other.replace(".", "_") == folded:
            raise InvalidTopic(f"topic name {name!r} collides with {other!r}: '.' and '_' count as the same")
