"""What can be wrong with an app, by Faust's names where Faust has one.

Owns: the exceptions of this layer.
Must not know: where they are raised.
"""

from __future__ import annotations

from streamz_core.errors import Fatal, Misuse


class ImproperlyConfigured(Misuse):
    """A setting, a name or a declaration of the app is wrong."""


class PartitionsMismatch(Misuse):
    """Topics or tables that must have the same number of partitions do not."""


class NotReady(Misuse):
    """The app, or what was asked of it, is not running."""


class NoRecordInHand(Misuse):
    """A table was written, or the current event asked for, outside an agent's hold on a record."""


class AgentFailed(Fatal):
    """An agent ended without a record to blame: it returned, or raised before it took a record."""
