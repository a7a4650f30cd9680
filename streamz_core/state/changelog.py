"""Changelog topics: the log from which a store can always be rebuilt.

Owns: their names and configuration, and what a store's changes look like as records.
Must not know: stores, transactions, tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.state.store import Change

CONFIG: Final[Mapping[str, str]] = {"cleanup.policy": "compact"}
"""Windows are dropped by tombstones, so that old event times are never mistaken for old records."""


def topic_name(app_id: str, store: str) -> str:
    """The changelog topic of a store.

    >>> topic_name("views", "counts")
    'views-counts-changelog'
    """
    return f"{app_id}-{store}-changelog"


def topic_config(overrides: Mapping[str, str]) -> dict[str, str]:
    """The topic's configuration, with the user's own settings over it."""
    return {**CONFIG, **overrides}


def columns(changes: Sequence[Change]) -> tuple[list[bytes], list[bytes | None]]:
    """Changes as columns of record keys and values; a deletion is a record without value."""
    return [key for key, _ in changes], [value for _, value in changes]
