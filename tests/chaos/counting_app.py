"""The app of the soak: an agent that counts in a table and in windows, exactly once.

Owns: the app, and what its outputs have to be, given its input: a running count for each record, and
each closed window's count once.
Must not know: kills.

A view's value is ``name@timestamp in ms``; its output in ``counts`` is the view's value, ``>`` and how
many views its key has had; a closed window's output in ``finals`` is ``key@start of the window=count``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from streamz_core import App
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.streams.runtime.task import Task
from tests.chaos.anomaly import Anomaly, Name
from tests.chaos.facts import Facts
from tests.chaos.life import Life
from tests.chaos.operations import History, Partition, Sending, Sent
from tests.chaos.producing import pause

GROUP = "counting"
KEYS = 6
WINDOW_MS = 500
TOTALS_CHANGELOG = f"{GROUP}-totals-changelog"


def counting_app(address: str, commit_every: int = 1_000) -> App:
    """The app, to be started in the process of a life; it commits after so many records at the latest.

    From here on this process has tables written to disk at each commit: else kills would find them in
    memory, and the changelogs would do all the work.
    """
    Task._flush_if_due = lambda task: task._stores.flush_soon()  # type: ignore[method-assign]
    app = App(
        GROUP,
        broker=address,
        broker_commit_interval=0.02,
        broker_commit_every=commit_every,
        topic_allow_declare=False,
        memory_budget=32 << 20,
        value_serializer="raw",
    )
    views = app.topic("views", key_type=str, value_type=str, value_serializer="text")
    outputs = app.topic("counts", key_type=str, value_type=str, value_serializer="text")
    finals = app.topic("finals", key_type=str, value_type=str, value_serializer="text")
    totals = app.Table("totals", default=int, key_type=str, partitions=2)

    async def on_close(key: tuple[str, tuple[float, float]], count: int) -> None:
        name, (start, _) = key
        await finals.send(key=name, value=f"{name}@{start * 1000:.0f}={count}")

    table = app.Table("windows", default=int, partitions=2, on_window_close=on_close)
    windows = table.tumbling(WINDOW_MS / 1000, grace=0)

    @app.agent(views)
    async def count_views(stream):
        async for name, view in stream.items():
            totals[name] += 1
            windows[name] += 1
            await outputs.send(key=name, value=f"{view}>{totals[name]}")

    return app


async def count(life: Life) -> None:
    """Run the app until it fails or is cancelled."""
    async with counting_app(life.address) as app:
        raise await app.wait_failed()


async def view(life: Life) -> None:
    """Write the app's input as time goes by; timestamps never go back."""
    last_ms = 0
    async with AIOKafkaProducer(bootstrap_servers=life.link, enable_idempotence=True) as producer:
        while True:
            last_ms = max(last_ms, life.link.clock.now_ms())
            timestamps = [last_ms] * life.random.randint(1, 20)
            await send_views(life, producer, life.random.randrange(KEYS), timestamps)
            await pause(life, 0.01)


async def send_views(life: Life, producer: AIOKafkaProducer, number: int, timestamps: list[int]) -> None:
    """Write views of one key, at these times, and write down what came of it."""
    partition = TopicPartition("views", number % 2)
    values = tuple(f"{life.journal.call()}@{timestamp}" for timestamp in timestamps)
    keys, call = (f"k{number}",) * len(values), life.journal.call()
    life.journal.write(Sending(call, life.name("viewer"), Partition(*partition), values, keys))
    sent = await producer.send_columns(
        *partition, [key.encode() for key in keys], [value.encode() for value in values], timestamps
    )
    first = (await sent).offset
    life.journal.write(Sent(call, tuple(range(first, first + len(values)))))


def anomalies(history: History) -> Iterator[Anomaly]:
    """What is wrong with the outputs and the table, given the input, to whose end the app has come."""
    facts = Facts(history)
    inputs: dict[int, list[tuple[str, str]]] = {}
    found: dict[str, list[str]] = {"counts": [], "finals": []}
    totals: dict[str, str] = {}
    for partition, log in facts.logs.items():
        if partition.topic == "views":
            senders = ((value, *facts.sender[partition, value]) for value in log.final().values())
            inputs[partition.partition] = [(send.call.keys[place], value) for value, send, place in senders]
        elif partition.topic in found:
            found[partition.topic] += log.final().values()
        elif partition.topic == TOTALS_CHANGELOG:
            totals.update(
                (key, value)
                for _, polled in log.polls
                for key, value in zip(polled.keys, polled.values, strict=True)
            )
    yield from _compared("counts", running_counts(inputs), found["counts"])
    yield from _compared("finals", closed_windows(inputs), found["finals"])
    expected = Counter(key for records in inputs.values() for key, _ in records)
    yield from _compared(
        "totals", [f"{k}: {n}" for k, n in expected.items()], [f"{k}: {n}" for k, n in totals.items()]
    )


def _compared(name: str, expected: Sequence[str], found: Sequence[str]) -> Iterator[Anomaly]:
    missing, surplus = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    if missing or surplus:
        what = f"{name} lacks {sorted(missing)[:5]} and has {sorted(surplus)[:5]} too much"
        yield Anomaly(Name.WRONG_RESULT, what, values=(*sorted((missing + surplus).elements()),))


def running_counts(inputs: Mapping[int, Sequence[tuple[str, str]]]) -> list[str]:
    """The output for each record: how many its key has had."""
    counts: Counter[str] = Counter()
    outputs = []
    for records in inputs.values():
        for key, value in records:
            counts[key] += 1
            outputs.append(f"{value}>{counts[key]}")
    return outputs


def closed_windows(inputs: Mapping[int, Sequence[tuple[str, str]]]) -> list[str]:
    """The output for each window that a later record of its partition has closed."""
    outputs = []
    for records in inputs.values():
        windows: dict[tuple[str, int], int] = defaultdict(int)
        last = 0
        for key, value in records:
            timestamp = int(value.rpartition("@")[2])
            windows[key, timestamp - timestamp % WINDOW_MS] += 1
            last = max(last, timestamp)
        outputs += [
            f"{key}@{start}={count}" for (key, start), count in windows.items() if start + WINDOW_MS <= last
        ]
    return outputs
