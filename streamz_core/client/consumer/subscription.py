"""What a consumer wants to read, and what it has been given.

Owns: ``Subscription``: topics, pattern or partitions named by the program, the current assignment and
the state of each assigned partition, and who is told when they change.
Must not know: how an assignment comes about, requests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from streamz_core.client.consumer.partition_state import PartitionState
from streamz_core.client.errors import IllegalStateError
from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable


class SubscriptionTypeError(Misuse, TypeError):
    """``subscribe`` or ``assign`` was given what names neither topics nor partitions."""


class Subscription:
    """One consumer's subscription and assignment."""

    def __init__(self, *, checks_crcs: bool) -> None:
        self._checks_crcs = checks_crcs
        self._states: dict[TopicPartition, PartitionState] = {}
        self._observers: list[Callable[[], None]] = []
        self.topics: frozenset[str] = frozenset()
        self.pattern: re.Pattern[str] | None = None
        self.listener: Any = None
        self.is_manual = False

    def skip_crcs(self) -> None:
        """Take fetched batches as they are: whoever fetches them has compared their checksums."""
        self._checks_crcs = False
        for state in self._states.values():
            state.checks_crcs = False

    @property
    def asked_for(self) -> tuple[object, ...]:
        """What the program named, the listener too: a new one has to be told what is assigned."""
        return self.topics, self.pattern, self.listener

    @property
    def is_automatic(self) -> bool:
        """Whether the program named topics, so that partitions are assigned to it."""
        return bool(self.topics) or self.pattern is not None

    @property
    def exists(self) -> bool:
        """Whether the program said what to read."""
        return self.is_manual or self.is_automatic

    def observe(self, observer: Callable[[], None]) -> None:
        """Have ``observer`` called after every change of subscription or assignment."""
        self._observers.append(observer)

    def changed(self) -> None:
        """Tell the observers."""
        for observer in self._observers:
            observer()

    def subscribe(self, topics: Iterable[str], pattern: str | None, listener: Any) -> None:
        """Read topics by name or by regular expression, in place of what was read before."""
        if self.is_manual:
            raise IllegalStateError(
                "partitions were assigned by hand: unsubscribe() before subscribing to topics"
            )
        if isinstance(topics, (str, bytes)):
            raise SubscriptionTypeError(f"topics={topics!r}: must be a list of topic names")
        named = list(topics)
        if any(not isinstance(name, str) for name in named):
            raise SubscriptionTypeError(f"topics={topics!r}: must be a list of topic names")
        names = frozenset(named)
        if bool(names) == bool(pattern):
            raise SubscriptionTypeError("subscribe to either topics or a pattern, to one of them")
        if listener is not None and not hasattr(listener, "on_partitions_revoked"):
            raise SubscriptionTypeError(f"listener={listener!r}: must be a ConsumerRebalanceListener")
        if pattern:
            try:
                self.pattern = re.compile(pattern)
            except re.error as error:
                raise PatternError(f"pattern={pattern!r} is not a regular expression: {error}") from error
            names = frozenset()
        else:
            self.pattern = None
        self.topics = names
        self.listener = listener
        self.changed()

    def match(self, known: Iterable[str]) -> bool:
        """Take the topics of ``known`` that the pattern matches; whether that changed anything."""
        if self.pattern is None:
            return False
        matching = frozenset(topic for topic in known if self.pattern.match(topic))
        if matching == self.topics:
            return False
        self.topics = matching
        return True

    def assign_by_hand(self, partitions: Iterable[TopicPartition], reset_to: str) -> None:
        """Read these partitions, whoever else does."""
        if self.is_automatic:
            raise IllegalStateError(
                "topics are subscribed to: unsubscribe() before assigning partitions by hand"
            )
        wanted = list(partitions)
        check_partitions(wanted)
        self.is_manual = True
        self.assign(wanted, reset_to)

    def assign(
        self,
        partitions: Iterable[TopicPartition],
        reset_to: str,
        *,
        withheld: Container[TopicPartition] = (),
    ) -> None:
        """Take over an assignment; what was assigned before keeps its state. ``withheld``: see ``withhold``."""
        before = self._states
        self._states = {}
        for partition in sorted(partitions):
            state = before.get(partition)
            if state is None:
                state = PartitionState(partition, reset_to, checks_crcs=self._checks_crcs)
                state.withheld = partition in withheld
            self._states[partition] = state
        if self._states != before:
            self.changed()

    def withhold(self, partitions: Iterable[TopicPartition]) -> None:
        """Hand out and fetch nothing of ``partitions``: they are changing hands."""
        for partition in partitions:
            if (state := self._states.get(partition)) is not None:
                state.withheld = True
        self.changed()

    def release(self) -> None:
        """Go on with everything that is assigned."""
        withheld = [state for state in self._states.values() if state.withheld]
        for state in withheld:
            state.withheld = False
        if withheld:
            self.changed()

    def drop(self, partitions: Container[TopicPartition]) -> None:
        """``partitions`` are not assigned any more; the subscription stays."""
        self._states = {p: state for p, state in self._states.items() if p not in partitions}
        self.changed()

    def clear(self) -> None:
        """Neither subscription nor assignment."""
        self.topics = frozenset()
        self.pattern = None
        self.listener = None
        self.is_manual = False
        self._states = {}
        self.changed()

    def partitions(self) -> set[TopicPartition]:
        """What is assigned."""
        return set(self._states)

    def states(self) -> list[PartitionState]:
        """The state of everything assigned."""
        return list(self._states.values())

    def find(self, partition: TopicPartition) -> PartitionState | None:
        """The state of ``partition``, None where it is not assigned."""
        return self._states.get(partition)

    def state(self, partition: TopicPartition) -> PartitionState:
        """The state of ``partition``; ``IllegalStateError`` where it is not assigned."""
        found = self._states.get(partition)
        if found is None:
            raise IllegalStateError(f"partition {partition!r} is not assigned to this consumer")
        return found

    def selected(self, partitions: Iterable[TopicPartition]) -> list[PartitionState]:
        """The states of ``partitions``, of all where none is named."""
        named = list(partitions)
        check_partitions(named)
        return [self.state(partition) for partition in named] if named else self.states()


class PatternError(Misuse, ValueError):
    """A subscription's pattern is not a regular expression."""


def check_partitions(partitions: Iterable[Any]) -> None:
    """Refuse what is not a ``TopicPartition``."""
    for partition in partitions:
        if not isinstance(partition, TopicPartition):
            raise SubscriptionTypeError(f"{partition!r} is not a TopicPartition")
