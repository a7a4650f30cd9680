"""A named tuple made of its fields without the class being called: once a record, for its metadata.

Owns: ``named_tuple``, and which of its two forms there is: C where it was built, Python elsewhere.
Must not know: what is named.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T", bound="tuple[Any, ...]")

try:
    from streamz_core.client.producer import _named_tuple  # type: ignore[attr-defined]

    named_tuple = _named_tuple.named_tuple
except ImportError:  # built without a C compiler, or not at all

    def named_tuple(cls: type[T], /, *fields: Any) -> T:
        """The tuple of ``fields`` that is a ``cls``, a subclass of ``tuple``; their number is not checked.

        >>> from streamz_core.model import TopicPartition
        >>> named_tuple(TopicPartition, "views", 0)
        TopicPartition(topic='views', partition=0)
        """
        return tuple.__new__(cls, fields)


__all__ = ["named_tuple"]
