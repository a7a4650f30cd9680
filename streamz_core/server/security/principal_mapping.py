"""From the name in a certificate to the name of a user, by rules.

Owns: Kafka's ``ssl.principal.mapping.rules``: reading and applying them.
Must not know: certificates.

Source: KIP-371
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from streamz_core.errors import Misuse

_RULE: Final = re.compile(r"RULE:(?P<pattern>(?:\\/|[^/])*)/(?P<made>(?:\\/|[^/])*)/(?P<case>[LU]?)")
_GROUP: Final = re.compile(r"\$(\d)")


class MappingRule(NamedTuple):
    """One rule; without a pattern it leaves the name as it is."""

    pattern: re.Pattern[str] | None
    made: str = ""
    case: str = ""


def parse_rules(text: str) -> tuple[MappingRule, ...]:
    """Rules separated by commas, such as ``RULE:^CN=(.*?),.*$/$1/L,DEFAULT``. Raises ``Misuse``."""
    rules: list[MappingRule] = []
    rest = text.strip()
    while rest:
        if rest.split(",")[0].strip() == "DEFAULT":
            rules.append(MappingRule(None))
            rest = rest.partition("DEFAULT")[2]
        else:
            found = _RULE.match(rest)
            if found is None:
                raise Misuse(f"principal mapping {rest!r}: give RULE:pattern/replacement/[LU] or DEFAULT")
            try:
                pattern = re.compile(found["pattern"].replace("\\/", "/"))
            except re.error as error:
                raise Misuse(f"principal mapping pattern {found['pattern']!r}: {error}") from None
            rules.append(MappingRule(pattern, found["made"].replace("\\/", "/"), found["case"]))
            rest = rest[found.end() :]
        rest = rest.lstrip()
        if rest and not rest.startswith(","):
            raise Misuse(f"principal mapping: a comma is missing before {rest!r}")
        rest = rest[1:].lstrip()
    return tuple(rules) or (MappingRule(None),)


def mapped(rules: tuple[MappingRule, ...], name: str) -> str | None:
    """What the first rule that fits makes of ``name``; None if none does, and then the peer is nobody."""
    for rule in rules:
        if rule.pattern is None:
            return name
        found = rule.pattern.fullmatch(name)
        if found is None:
            continue
        made = _GROUP.sub(lambda group, found=found: found[int(group[1])] or "", rule.made)  # type: ignore[misc]
        return {"L": made.lower(), "U": made.upper()}.get(rule.case, made)
    return None
