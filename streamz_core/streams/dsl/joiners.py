"""Ready-made joiners.

Owns: ``merged_fields``: two dictionaries as one, and what becomes of fields that both have.
Must not know: what is joined, and how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Fields = "Mapping[str, Any]"


class FieldClash(ValueError):
    """Two sides of a join have a field of one name, with different values."""


def merged_fields(
    on_clash: str | Callable[[str, Any, Any], Any] = "raise",
) -> Callable[[Mapping[str, Any] | None, Mapping[str, Any] | None], dict[str, Any]]:
    """A joiner for any join: the fields of both sides in one dictionary; of a side that is None, none.

    ``on_clash`` says which value a field has that both sides have, and not the same: ``left``, ``right``, what
    ``on_clash(field, left, right)`` returns, or none: ``raise`` (the default) fails the record.

    >>> merged_fields("left")({"id": 1, "name": "Ann"}, {"id": 2, "city": "Linz"})
    {'id': 1, 'city': 'Linz', 'name': 'Ann'}
    """
    if not callable(on_clash) and on_clash not in {"raise", "left", "right"}:
        raise Misuse(f"merged_fields(): on_clash is 'raise', 'left', 'right' or a function, not {on_clash!r}")

    def joined(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> dict[str, Any]:
        one, other = left or {}, right or {}
        if on_clash == "left":
            return {**other, **one}
        if on_clash == "right":
            return {**one, **other}
        both = {**one, **other}
        for field in one.keys() & other.keys():
            if one[field] != other[field]:
                both[field] = _settled(on_clash, field, one[field], other[field])
        return both

    return joined


def _settled(on_clash: str | Callable[[str, Any, Any], Any], field: str, left: Any, right: Any) -> Any:
    if callable(on_clash):
        return on_clash(field, left, right)
    raise FieldClash(
        f"both sides of the join have a field {field!r}: {left!r} and {right!r}; say which one counts: "
        "merged_fields('left'), merged_fields('right'), or a function"
    )
