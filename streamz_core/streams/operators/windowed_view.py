"""Windowed tables, looked up by windowed keys.

Owns: the ways from a windowed key into window and session stores.
Must not know: joins, who looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamz_core.state.sessions import SessionStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.windowed_key import Windowed


class WindowsByKey:
    """A window store, asked by windowed keys."""

    def __init__(self, store: WindowedStore) -> None:
        """``store`` keeps stamped values by window."""
        self._store = store

    def get(self, key: Windowed) -> Any:
        """The stamped value, or None."""
        return self._store.get(key.key, key.window.start)


class SpansByKey:
    """A store of sliding windows, asked by windowed keys."""

    def __init__(self, store: SessionStore) -> None:
        """``store`` keeps stamped values by span."""
        self._store = store

    def get(self, key: Windowed) -> Any:
        """The stamped value, or None."""
        return self._store.get(key.key, key.window.start, key.window.end)


class SessionsByKey:
    """A store of sessions, asked by windowed keys: a session's time is its end."""

    def __init__(self, store: SessionStore) -> None:
        """``store`` keeps plain values by session."""
        self._store = store

    def get(self, key: Windowed) -> Any:
        """The value and the session's end, or None."""
        value = self._store.get(key.key, key.window.start, key.window.end)
        return None if value is None else (value, key.window.end)
