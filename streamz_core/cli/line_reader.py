"""From a line of text to a record: kafka's ``LineMessageReader``.

Owns: the reader's properties and what they make of a line.
Must not know: where lines come from, how records are sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from streamz_core.cli.options import OptionError, from_properties
from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from streamz_core.model import Header

OPTION: Final = "--property"


class LineError(Misuse):
    """A line that does not have the parts the properties ask for."""


@dataclass(frozen=True, slots=True)
class LineReader:
    """How a line becomes headers, key and value, in that order. The fields are Kafka's properties.

    >>> LineReader(parse_key=True, key_separator=":").read("ann:/home", 1)
    (b'ann', b'/home', [])
    """

    parse_key: bool = False
    key_separator: str = "\t"
    parse_headers: bool = False
    headers_delimiter: str = "\t"
    headers_separator: str = ","
    headers_key_separator: str = ":"
    null_marker: str | None = None
    ignore_error: bool = False

    @classmethod
    def of(cls, properties: dict[str, str]) -> LineReader:
        """Read the properties; what is unknown, empty or ambiguous is refused."""
        reader = from_properties(cls, properties, OPTION)
        _check(reader)
        return reader

    def read(self, line: str, number: int) -> tuple[bytes | None, bytes | None, list[Header]]:
        """Split one line into key, value and headers; ``LineError`` names the line and the remedy."""
        head, rest = self._cut(self.parse_headers, line, self.headers_delimiter, "headers delimiter", number)
        headers = []
        if head and head != self.null_marker:
            headers = [self._header(part, number) for part in head.split(self.headers_separator)]
        key, value = self._cut(self.parse_key, rest, self.key_separator, "key separator", number)
        return self._bytes(key), self._bytes(value), headers

    def _cut(
        self, is_asked: bool, text: str, separator: str, what: str, number: int
    ) -> tuple[str | None, str]:
        if not is_asked:
            return None, text
        head, found, rest = text.partition(separator)
        if found:
            return head, rest
        if self.ignore_error:
            return None, text
        raise LineError(
            f"line {number}: no {what} {separator!r} found; with {OPTION} ignore.error=true it is sent whole"
        )

    def _header(self, text: str, number: int) -> Header:
        name, found, value = text.partition(self.headers_key_separator)
        if not found and not self.ignore_error:
            raise LineError(
                f"line {number}: header {text!r} has no {self.headers_key_separator!r}; with {OPTION} "
                "ignore.error=true it is sent without a value"
            )
        if name == self.null_marker:
            raise LineError(f"line {number}: the name of a header cannot be the null marker {name!r}")
        return name, self._bytes(value) if found else None

    def _bytes(self, text: str | None) -> bytes | None:
        # Bytes that are not UTF-8 came in as surrogates and go out as they were.
        return None if text is None or text == self.null_marker else text.encode("utf-8", "surrogateescape")


def _check(reader: LineReader) -> None:
    in_headers = ("headers_delimiter", "headers_separator", "headers_key_separator")
    for name in ("key_separator", "null_marker", *in_headers):
        if getattr(reader, name) == "":
            raise OptionError(f"{OPTION} {name.replace('_', '.')}: must not be empty")
    pairs = [*combinations(in_headers, 2)]
    pairs += [("null_marker", name) for name in ("key_separator", *in_headers)]
    for one, other in pairs:
        if getattr(reader, one) == getattr(reader, other):
            names = f"{one.replace('_', '.')} and {other.replace('_', '.')}"
            raise OptionError(f"{OPTION}: {names} must not both be {getattr(reader, one)!r}")
