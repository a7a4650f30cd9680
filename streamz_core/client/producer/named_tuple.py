"""A named tuple made of its fields without the class being called: once a record, for its metadata.

Owns: ``named_tuple``, and which of its two forms there is: C where it was built, Python elsewhere.
Must not know: what is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", bound="tuple[Any, ...]")


def in_python(cls: type[T], /, *fields: Any) -> T:
    """The tuple of ``fields`` that is a ``cls``, a subclass of ``tuple``; their number is not checked.

    >>> from streamz_core.model import TopicPartition
    >>> in_python(TopicPartition, "views", 0)
    TopicPartition(topic='views', partition=0)
    """
    return tuple.__new__(cls, fields)


def _in_c_if_built() -> Callable[..., Any]:
    try:
        from streamz_core.client.producer import _named_tuple  # type: ignore[attr-defined]
    except ImportError:
        return in_python
    made: Callable[..., Any] = _named_tuple.named_tuple
    return made


named_tuple = _in_c_if_built()
"""As ``in_python``, in half the time where it is C's."""
