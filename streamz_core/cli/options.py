"""Values of options: ``key=value`` pairs, properties files, and what a wrong one becomes.

Owns: reading them as texts, and turning dotted names (``key.separator``) into the fields of a dataclass.
Must not know: any verb.
"""

from __future__ import annotations

import difflib
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from streamz_core.log.files import DiskFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

_FILE_BYTES_MAX: Final = 16 * 1024 * 1024


class OptionError(click.UsageError):
    """An option has a value that is not allowed: one line, exit code 2."""


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Read repeated ``key=value`` options; a comma does not separate them, as in Kafka's ``--config``.

    >>> pairs(("retention.ms=1000", "cleanup.policy=compact,delete"), "--config")
    {'retention.ms': '1000', 'cleanup.policy': 'compact,delete'}
    """
    result: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise OptionError(f"{option} takes key=value, got {text!r}")
        result[key.strip()] = value
    return result


def read_lines(path: str, option: str) -> list[str]:
    """The lines of a text file that an option names."""
    try:
        return read_bytes(path, option).decode().splitlines()
    except UnicodeDecodeError as error:
        raise OptionError(f"{option} {path}: cannot be read: {error}") from error


def read_bytes(path: str, option: str) -> bytes:
    """What is in a file that an option names."""
    try:
        file = DiskFiles().open(path, read_only=True)
        try:
            if file.size() > _FILE_BYTES_MAX:
                raise OptionError(f"{option} {path}: is larger than {_FILE_BYTES_MAX >> 20} MiB")
            return file.read_at(0, _FILE_BYTES_MAX)
        finally:
            file.close()
    except OSError as error:
        raise OptionError(f"{option} {path}: cannot be read: {error}") from error


def properties(path: str | None, texts: Iterable[str], *, file_option: str, option: str) -> dict[str, str]:
    """What a Java properties file says, and over it the ``key=value`` options."""
    lines = [] if path is None else [line.strip() for line in read_lines(path, file_option)]
    said = [line for line in lines if line and line[0] not in "#!"]
    trimmed = {key: value.strip() for key, value in pairs(said, f"{file_option} {path}").items()}
    return trimmed | pairs(texts, option)


def from_properties(cls: type[T], given: dict[str, str], option: str) -> T:
    """An instance of a dataclass whose fields are properties, ``key_separator`` as ``key.separator``."""
    known = property_names(cls)
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            raise OptionError(f"{option} {name}: {unknown(name, known)}")
        field, default = known[name]
        values[field] = flag(text, f"{option} {name}") if isinstance(default, bool) else text
    return cls(**values)


def property_names(cls: type) -> dict[str, tuple[str, Any]]:
    """Property -> (field, default) of such a dataclass."""
    return {
        field.name.replace("_", "."): (field.name, None if field.default is MISSING else field.default)
        for field in fields(cls)
    }


def flag(text: str, what: str) -> bool:
    """Read ``true`` or ``false``."""
    if text.strip().lower() not in ("true", "false"):
        raise OptionError(f"{what}: expected true or false, got {text!r}")
    return text.strip().lower() == "true"


def unknown(name: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, and which one may have been meant."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown; did you mean {close[0]}?" if close else f"unknown; known are {', '.join(sorted(known))}"


def options(*decorators: Callable[[Any], Any]) -> Callable[[FunctionT], FunctionT]:
    """Many click options as one decorator, listed in help in this order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
