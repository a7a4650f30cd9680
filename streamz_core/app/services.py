"""What the parts of an app may ask of the app.

Owns: ``AppServices`` (for topics and tables), ``Runnable`` and ``Startable`` (for what runs and starts an
app); ``App`` implements them, its parts know only these.
Must not know: ``App`` itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from streamz_core.app.current import Cursor
    from streamz_core.app.sending import FutureMessage
    from streamz_core.app.settings import Settings
    from streamz_core.app.signals import AppSignal
    from streamz_core.app.timers import Crontab, Timer
    from streamz_core.app.topic_options import TopicOptions
    from streamz_core.clock import Clock
    from streamz_core.model import Header
    from streamz_core.serde.registry import CodecRegistry
    from streamz_core.state.restore import RestoreProgress
    from streamz_core.streams.graph import Graph
    from streamz_core.streams.processor import ProcessorContext
    from streamz_core.streams.topic_pattern import TopicPattern
    from streamz_core.streams.topology import Topology


class AppServices(Protocol):
    """The app as its topics and tables see it."""

    @property
    def conf(self) -> Settings:
        """The app's settings."""

    @property
    def serializers(self) -> CodecRegistry:
        """The codecs it knows by name."""

    @property
    def group_id(self) -> str:
        """What its internal topics begin with."""

    @property
    def clock(self) -> Clock:
        """The clock it runs by."""

    @property
    def topic(self) -> Callable[..., Any]:
        """Declare a topic: ``App.topic``."""

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp_ms: int | None,
        headers: Iterable[Header],
    ) -> Awaitable[FutureMessage]:
        """Send bytes by the app's own producer."""

    def spawn(self, work: Awaitable[Any]) -> asyncio.Task[Any]:
        """Run ``work`` beside the app."""

    async def declare(self, *topics: Any) -> None:
        """Create those topics that are missing."""

    def contexts(self, table: str) -> list[ProcessorContext]:
        """The open tasks of this process that hold a table, by partition."""

    def contexts_for_key(self, table: str, key: bytes | None) -> list[ProcessorContext]:
        """The same, the one whose partition the key falls into first."""

    def check_partitions(self, table: str, cursor: Cursor) -> None:
        """A task uses a table for the first time: raises ``PartitionsMismatch``."""


class SourceTopics(Protocol):
    """The topics an app reads, in the order in which they have to be there."""

    @property
    def read_directly(self) -> Sequence[Any]:
        """Topics that others write."""

    @property
    def grouped(self) -> Sequence[Any]:
        """Repartitions: their topic in between takes the partitions of its source."""

    @property
    def graph(self) -> Graph | None:
        """The streams and tables of the DSL."""

    @property
    def patterns(self) -> Sequence[TopicPattern]:
        """What is read by pattern."""


class Runnable(Protocol):
    """The app as those see it that run it."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def group_id(self) -> str:
        """Its consumer group."""

    @property
    def conf(self) -> Settings:
        """Its settings."""

    @property
    def topics(self) -> Mapping[str, TopicOptions]:
        """Every topic it has declared, to read or to send to."""

    @property
    def declared(self) -> SourceTopics:
        """What it reads."""

    @property
    def timers(self) -> Sequence[Timer | Crontab]:
        """What it does by the wall clock."""

    @property
    def restore_listeners(self) -> Sequence[Callable[[RestoreProgress], None]]:
        """Who is told of restores."""

    @property
    def background(self) -> Sequence[Callable[[], Awaitable[Any]]]:
        """What it does once, beside its agents."""

    @property
    def on_started(self) -> AppSignal:
        """Sent when all partitions are assigned and restored."""

    @property
    def on_before_shutdown(self) -> AppSignal:
        """Sent before anything is stopped."""

    clock: Clock

    def topology(self, partitions: Mapping[str, int]) -> Topology:
        """What its declarations compile to."""


class Startable(Runnable, Protocol):
    """The app as its command line sees it."""

    @property
    def agents(self) -> Mapping[str, Any]:
        """Its agents by name."""

    @property
    def tables(self) -> Mapping[str, Any]:
        """Its tables by name."""

    def reconfigure(self, **settings: Any) -> None:
        """Change settings before it is started."""

    def describe(self, format: str = ...) -> str:  # noqa: A002 - what it is
        """What it consists of."""

    def explain(self) -> str:
        """How its streams are run."""

    async def start(self) -> None:
        """Run in the current event loop."""

    async def stop(self) -> None:
        """Finish the records in hand, commit, and let go."""

    async def wait_failed(self) -> BaseException:
        """Return the reason when it cannot go on."""

    def on_restore(self, listener: Callable[[RestoreProgress], None]) -> object:
        """Have ``listener`` told of restores."""

    def client(self) -> Any:
        """The same app without its agents."""
