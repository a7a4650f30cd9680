"""The steps of a foreign-key join (KIP-213): who asks for which key, and what becomes of the answers.

Owns: subscriptions and responses, which updates lead to them, and which responses are stale.
Must not know: how they are written to topics and stores.

A row of the left table subscribes to its foreign key in the partition that has it; every update of that key is
sent back to every subscriber. Two topics lie between, so that an answer may be overtaken: it carries the
hash of the left value that it is for, and is dropped where the left value is another one by now. What came out
of order to a versioned table, of either side, leads to nothing (KIP-914).

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamz_core.state.store import prefix_end
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.joined import Joined
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.rows import Rows

UNSUBSCRIBE: Final = 0
"""Forget the subscription; nothing is sent back."""
UNSUBSCRIBE_AND_TELL: Final = 1
"""Forget the subscription, and send back that there is no value."""
TELL: Final = 2
"""Remember the subscription, and send back the value, or that there is none."""
TELL_IF_THERE: Final = 3
"""Remember the subscription, and send back the value if there is one."""

Subscription = tuple[Any, bytes | None, int, int]
"""Primary key, hash of the left value, instruction, partition of the primary key."""
Response = tuple[bytes | None, Any, int]
"""Hash of the left value it is for, the other table's value, partition of the primary key."""


class Subscribe(Operator):
    """The left table's updates as subscriptions, under foreign keys."""

    def __init__(
        self,
        name: str,
        extractor: Callable[[Any, Any], Any],
        encode_key: Callable[[Any], bytes | None],
        hashed: Callable[[Any], bytes | None],
        *,
        left: bool,
    ) -> None:
        """``extractor(key, value)``; foreign keys are the same if they encode equally."""
        super().__init__(name)
        self._extractor = extractor
        self._encode_key = encode_key
        self._hashed = hashed
        self._left = left

    def open(self, context: OperatorContext) -> None:
        """Learn where answers are to be sent."""
        self._partition = context.partition

    def process(self, rows: Rows) -> Rows | None:
        """At most two subscriptions a row."""
        made = Joined()
        index = 0
        try:
            for index in range(len(rows)):
                key, value = rows.keys[index], rows.values[index]
                old = None if rows.olds is None else rows.olds[index]
                if key is None or (old is None and value is None) or rows.is_stale(index):
                    continue
                before = None if old is None else self._extractor(key, old)
                after = None if value is None else self._extractor(key, value)
                hashed = self._hashed(value)
                for foreign, instruction in self._instructions(before, after, was=old is not None):
                    wanted = (key, hashed, instruction, self._partition)
                    made.add(rows, index, foreign, wanted, rows.timestamps[index])
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return made.rows()

    def _instructions(self, before: Any, after: Any, *, was: bool) -> list[tuple[Any, int]]:
        changed = self._encode_key(before) != self._encode_key(after)
        if self._left:
            moved = [(before, UNSUBSCRIBE)] if before is not None and changed else []
            return [*moved, (after, TELL)]
        if after is None:
            return [] if before is None else [(before, UNSUBSCRIBE_AND_TELL)]
        if before is None or not changed:
            return [(after, TELL_IF_THERE)]
        return [(before, UNSUBSCRIBE), (after, TELL)]


class Answer(Operator):
    """Subscriptions: remembered, and answered with what the other table has now."""

    def __init__(self, name: str, store: str, view: TableView) -> None:
        """``store`` has hash and partition by (foreign key, primary key)."""
        super().__init__(name)
        self._store_name = store
        self._view = view

    def open(self, context: OperatorContext) -> None:
        """Open the subscriptions and the table."""
        self._store = context.store(self._store_name)
        self._table = self._view.open(context)

    def process(self, rows: Rows) -> Rows | None:
        """At most one response a row, under the primary key."""
        made = Joined()
        index = 0
        try:
            for index in range(len(rows)):
                foreign, wanted = rows.keys[index], rows.values[index]
                if wanted is not None and (foreign is not None or wanted[2] == TELL):
                    self._answer(rows, index, foreign, wanted, made)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return made.rows()

    def _answer(self, rows: Rows, index: int, foreign: Any, wanted: Subscription, made: Joined) -> None:
        key, hashed, instruction, partition = wanted
        found = None
        if foreign is not None:
            if instruction in (UNSUBSCRIBE, UNSUBSCRIBE_AND_TELL):
                self._store.delete((foreign, key))
            else:
                self._store.put((foreign, key), (hashed, partition))
            found = self._table.get(foreign)
        if instruction == UNSUBSCRIBE or (instruction == TELL_IF_THERE and found is None):
            return
        value = None if found is None or instruction == UNSUBSCRIBE_AND_TELL else found[0]
        timestamp = rows.timestamps[index]
        at = timestamp if found is None else max(timestamp, found[1])
        made.add(rows, index, key, (hashed, value, partition), at)


class Notify(Operator):
    """The other table's updates, as responses to everyone who subscribed to the key."""

    def __init__(self, name: str, store: str, prefix: Callable[[Any], bytes]) -> None:
        """All entries of a foreign key in ``store`` begin with ``prefix(key)``, and no others do."""
        super().__init__(name)
        self._store_name = store
        self._prefix = prefix

    def open(self, context: OperatorContext) -> None:
        """Open the subscriptions."""
        self._store = context.store(self._store_name)

    def process(self, rows: Rows) -> Rows | None:
        """As many responses a row as there are subscribers, by the bytes of their keys."""
        made = Joined()
        for index in range(len(rows)):
            foreign, value = rows.keys[index], rows.values[index]
            if foreign is None or rows.is_stale(index):
                continue
            prefix = self._prefix(foreign)
            for (_, key), (hashed, partition) in self._store.scan(prefix, prefix_end(prefix)):
                made.add(rows, index, key, (hashed, value, partition), rows.timestamps[index])
        return made.rows()


class Resolve(Operator):
    """Responses, joined with the left values they are for; stale ones are dropped."""

    def __init__(
        self,
        name: str,
        view: TableView,
        joiner: Callable[[Any, Any, Any], Any],
        hashed: Callable[[Any], bytes | None],
        *,
        left: bool,
    ) -> None:
        """``joiner(key, value, other_value)``; ``left``: also where the other table has nothing."""
        super().__init__(name)
        self._view = view
        self._joiner = joiner
        self._hashed = hashed
        self._left = left

    def open(self, context: OperatorContext) -> None:
        """Open the left table."""
        self._table = self._view.open(context)

    def process(self, rows: Rows) -> Rows | None:
        """A record for each response that still holds: the joined value, or None, which deletes."""
        made = Joined()
        index = 0
        try:
            for index in range(len(rows)):
                key, response = rows.keys[index], rows.values[index]
                if response is None:
                    continue
                found = self._table.get(key)
                value = None if found is None else found[0]
                if response[0] != self._hashed(value):
                    continue
                other = response[1]
                is_none = value is None or (other is None and not self._left)
                result = None if is_none else self._joiner(key, value, other)
                made.add(rows, index, key, result, rows.timestamps[index])
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return made.rows()
