"""``Record``: typed models in Faust's manner, made of msgspec structs.

Owns: ``Record`` and the class keywords that Faust's models take.
Must not know: topics, codecs' columns.

A record is decoded and checked by msgspec in one pass; annotations are types, checked when bytes or
data come in (``from_data``, ``loads``, a topic's values), and on construction with ``validation=True``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar, dataclass_transform

import msgspec

from streamz_core.errors import Misuse
from streamz_core.serde.errors import ValidationError, explain

R = TypeVar("R", bound="Record")

_ALWAYS: Final = {
    "isodates": "dates are read from and written as ISO 8601 wherever a field says datetime",
    "decimals": "Decimal fields are always read as decimals",
    "lazy_creation": "annotations are always resolved on first use",
}
_ABSENT: Final = {
    "include_metadata": "nothing but the fields is written; use tag=True to have the type's name in the data",
    "allow_blessed_key": "types are never chosen by the data; use a union of tagged records",
    "polymorphic_fields": "use a union of tagged records: `field: Cat | Dog`, each with tag=True",
    "coercions": "use coerce=True, or annotate the field with the type it should become",
    "date_parser": "annotate the field as str and parse it where it is used",
}


class RecordOptions(msgspec.Struct, frozen=True):
    """The class keywords of one ``Record``."""

    serializer: str | None = None
    namespace: str | None = None
    coerce: bool = False
    validation: bool = False


@dataclass_transform(field_specifiers=(msgspec.field,))
class RecordMeta(msgspec.StructMeta):
    """Takes Faust's class keywords besides msgspec's own."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace_: dict[str, Any],
        *,
        serializer: str | None = None,
        namespace: str | None = None,
        abstract: bool = False,
        coerce: bool | None = None,
        validation: bool | None = None,
        **options: Any,
    ) -> Any:
        """Make the class; an unknown or refused keyword is a Misuse that names the way to do it."""
        del abstract  # any class may be derived from and instantiated: nothing to remember
        for key in tuple(options):
            if key in _ALWAYS:
                if options.pop(key) is False:
                    raise Misuse(f"{name}: {key}=False is not possible: {_ALWAYS[key]}")
            elif key in _ABSENT and options.pop(key):
                raise Misuse(f"{name}: {key} is not supported: {_ABSENT[key]}")
        inherited = next(
            (base.__record_options__ for base in bases if hasattr(base, "__record_options__")),
            RecordOptions(),
        )
        chosen = RecordOptions(
            serializer=serializer or inherited.serializer,
            namespace=namespace or f"{namespace_.get('__module__', '')}.{name}",
            coerce=inherited.coerce if coerce is None else coerce,
            validation=inherited.validation if validation is None else validation,
        )
        if chosen.validation and "__post_init__" not in namespace_:
            namespace_["__post_init__"] = _validate_on_init
        try:
            made: Any = super().__new__(mcls, name, bases, namespace_, **options)
        except TypeError as error:
            raise Misuse(f"record {name}: {error}") from error
        made.__record_options__ = chosen
        return made


def _validate_on_init(record: Record) -> None:
    record.validate_or_raise()


class Record(msgspec.Struct, metaclass=RecordMeta):
    """A typed value of a topic or table.

    >>> class View(Record):
    ...     user: str
    ...     page: str
    ...     ms: int = 0
    >>> View(user="ann", page="/").dumps()
    b'{"user":"ann","page":"/","ms":0}'
    >>> View.loads(b'{"user": "ann", "page": 3}')
    Traceback (most recent call last):
    ...
    streamz_core.serde.errors.ValidationError: View: field 'page': expected str, got int

    Class keywords: Faust's ``serializer``, ``namespace``, ``coerce`` (also read ``"1"`` as an int),
    ``validation`` (check on construction too), and msgspec's (``frozen``, ``rename``, ``tag``, …).
    """

    __record_options__: ClassVar[RecordOptions]

    def asdict(self) -> dict[str, Any]:
        """The fields as a dict; nested records stay records."""
        return msgspec.structs.asdict(self)

    def to_representation(self) -> dict[str, Any]:
        """The value as JSON would hold it: plain dicts, lists, strings and numbers, all the way down."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made

    def dumps(self, *, serializer: str | None = None) -> bytes:
        """JSON bytes. Only the ``json`` serializer can write a record by itself."""
        _only_json(type(self).__name__, serializer)
        return msgspec.json.encode(self)

    @classmethod
    def loads(
        cls: type[R], s: bytes | str, *, default_serializer: str | None = None, serializer: str | None = None
    ) -> R:
        """Read JSON; raises ``ValidationError`` naming field, expected and got."""
        _only_json(cls.__name__, serializer or default_serializer)
        try:
            return msgspec.json.decode(s, type=cls, strict=not cls.__record_options__.coerce)
        except msgspec.MsgspecError as error:
            raise _validation_error(cls, error) from error

    @classmethod
    def from_data(cls: type[R], data: Any, *, preferred_type: type[R] | None = None) -> R:
        """A record from a dict (or another object with the fields as keys); raises ``ValidationError``."""
        wanted = preferred_type or cls
        try:
            return msgspec.convert(data, wanted, strict=not wanted.__record_options__.coerce)
        except msgspec.MsgspecError as error:
            raise _validation_error(wanted, error) from error

    def derive(self: R, *objects: Record, **fields: Any) -> R:
        """A copy with the fields of ``objects``, then ``fields``, put over it."""
        changes: dict[str, Any] = {}
        known = set(self.__struct_fields__)
        for other in objects:
            changes.update((name, value) for name, value in other.asdict().items() if name in known)
        changes.update(fields)
        try:
            return msgspec.structs.replace(self, **changes)
        except TypeError as error:
            raise Misuse(f"{type(self).__name__}.derive: {error}; its fields: {sorted(known)}") from error

    @property
    def validation_errors(self) -> list[ValidationError]:
        """Everything wrong with the fields; empty for a valid record."""
        found = []
        for field in msgspec.structs.fields(type(self)):
            try:
                msgspec.convert(getattr(self, field.name), field.type, strict=True)
            except msgspec.ValidationError as error:
                inner, complaint = explain(str(error))
                name = f"{field.name}.{inner}" if inner else field.name
                message = f"{type(self).__name__}: field {name!r}: {complaint}"
                found.append(ValidationError(message, field=name))
        return found

    def validate(self) -> list[ValidationError]:
        """The same as ``validation_errors``."""
        return self.validation_errors

    def is_valid(self) -> bool:
        """Whether every field holds what its annotation says."""
        return not self.validation_errors

    def validate_or_raise(self) -> None:
        """Raise the first of ``validation_errors``."""
        for error in self.validation_errors:
            raise error


def _only_json(name: str, serializer: str | None) -> None:
    if serializer not in (None, "json"):
        raise Misuse(
            f"{name}: a record reads and writes 'json', not {serializer!r}; set key_serializer or "
            f"value_serializer on the topic to use another"
        )


def _validation_error(model: type, error: Exception) -> ValidationError:
    field, complaint = explain(str(error))
    place = f"field {field!r}: " if field else ""
    return ValidationError(f"{model.__name__}: {place}{complaint}", field=field)
