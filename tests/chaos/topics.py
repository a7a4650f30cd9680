"""Checks of topics and of where logs start and end.

Owns: topics lost and risen, and bounds that go back or where nobody asked them to go.
Must not know: records.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.anomaly import Anomaly, Name
from tests.chaos.facts import Facts
from tests.chaos.operations import Created, Creating, Deleted, Deleting, Opened


def anomalies(facts: Facts) -> Iterator[Anomaly]:
    """All findings about topics and bounds."""
    yield from _topics(facts)
    yield from _bounds(facts)


def _topics(facts: Facts) -> Iterator[Anomaly]:
    asked: set[str] = set()
    there: dict[str, int] = {}
    doubtful: set[str] = set()
    gone: set[str] = set()
    for number, operation in enumerate(facts.history):
        match operation:
            case Creating(name=name):
                asked.add(name)
            case Created(topic=topic):
                there[topic] = number
            case Deleting(topic=topic):
                doubtful.add(topic)
            case Deleted(topic=topic):
                gone.add(topic)
            case Opened(topics=topics):
                for topic in there.keys() - doubtful - set(topics):
                    yield Anomaly(Name.LOST_TOPIC, f"topic {topic}", at=(there[topic], number))
                for topic in topics:
                    if topic in gone or topic.partition("@")[0] not in asked:
                        yield Anomaly(Name.RISEN_TOPIC, f"topic {topic}", at=(number,))
                # What a crash left undone and is not there now was done.
                gone |= doubtful - set(topics)
                doubtful.clear()
                there = {topic: there.get(topic, number) for topic in topics}


def _bounds(facts: Facts) -> Iterator[Anomaly]:
    for partition, log in facts.logs.items():
        start = end = 0
        for number, bounds in log.bounds:
            trimmed = log.trimmed(number)
            at = (partition, (bounds.start, bounds.end), (), (number,))
            if bounds.start > trimmed:
                what = f"starts at {bounds.start}, deletion was asked for up to {trimmed}"
                yield Anomaly(Name.LOG_START_AHEAD, what, *at)
            if bounds.start < start:
                yield Anomaly(Name.LOG_START_WENT_BACK, f"started at {start} before", *at)
            if bounds.end < end:
                yield Anomaly(Name.LOG_END_WENT_BACK, f"ended at {end} before", *at)
            start, end = bounds.start, bounds.end
