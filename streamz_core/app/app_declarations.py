"""``AppDeclarations``: what a user declares on an app: topics, agents, tables, timers.

Owns: the declarations and their names.
Must not know: how an app is run, sending.
"""

from __future__ import annotations

import re
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from streamz_core.app import tables
from streamz_core.app.agent import Agent
from streamz_core.app.app_streams import AppStreams
from streamz_core.app.compile import TABLES
from streamz_core.app.durations import Seconds, milliseconds
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.policies import Retry, error_policy
from streamz_core.app.timers import CronSchedule, Crontab, Timer, zone
from streamz_core.app.topic import GroupedTopic, Topic, check_name
from streamz_core.app.topic_options import TopicOptions
from streamz_core.streams.topic_pattern import topic_pattern

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from streamz_core.app.services import AppServices
    from streamz_core.app.settings import Settings
    from streamz_core.app.windowed_table import OnWindowClose
    from streamz_core.streams.error_policy import ErrorPolicy

F = TypeVar("F", bound="Callable[..., Any]")


class AppDeclarations(AppStreams):
    """A part of ``App``."""

    def __init__(self, id: str, conf: Settings) -> None:  # noqa: A002 - Faust's name
        """Nothing is declared yet."""
        super().__init__(id, conf)
        self.agents: Final[dict[str, Agent]] = {}
        self.tables: Final[dict[str, tables.Table]] = {}
        self.timers: Final[list[Timer | Crontab]] = []
        self.background: Final[list[Callable[[], Awaitable[Any]]]] = []
        self.topics: Final[dict[str, TopicOptions]] = {}

    @property
    def group_id(self) -> str:
        """The consumer group: the id, with the version from 2 on."""
        return self.id if self.conf.version == 1 else f"{self.id}-v{self.conf.version}"

    @property
    def _services(self) -> AppServices:
        """The whole app, as its topics and tables see it."""
        return cast("AppServices", self)

    def topic(
        self,
        *topics: str,
        pattern: str | re.Pattern[str] | None = None,
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        partitions: int | None = None,
        replicas: int | None = None,
        retention: Seconds | None = None,
        compacting: bool | None = None,
        deleting: bool | None = None,
        internal: bool = False,
        config: Mapping[str, Any] | None = None,
        error_policy: ErrorPolicy | str | None = None,
        dead_letter: bool | str | None = None,
    ) -> Topic:
        """A topic (or several with the same types) to read and send to.

        ``pattern`` is a regular expression in place of names: agents read every topic whose name matches as a
        whole, also those that are made while the app runs.

        ``retention`` is in seconds; ``config`` takes Kafka's topic settings by name. ``error_policy`` and
        ``dead_letter`` say what becomes of records whose bytes do not decode.
        """
        if bool(topics) == (pattern is not None):
            raise ImproperlyConfigured(
                "app.topic() needs the name of a topic, or several, or a pattern alone"
            )
        read_by = None if pattern is None else topic_pattern(pattern)
        title = repr(topics[0] if read_by is None else read_by.text)
        for option, number in (("partitions", partitions), ("replicas", replicas)):
            if number is not None and (type(number) is not int or number < 1):
                raise ImproperlyConfigured(f"topic {title}: {option} must be 1 or more, got {number!r}")
        what = f"topic {title}"
        made = Topic(
            self._services,
            topics,
            key_type=key_type,
            value_type=value_type,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
            options=TopicOptions(
                partitions, _topic_config(what, config, retention, compacting, deleting), internal, replicas
            ),
            on_decode_error=_policy(what, error_policy, dead_letter, None),
            pattern=read_by,
        )
        for name in topics:
            self._remember(name, made.options)
        return made

    def agent(
        self,
        channel: Topic | GroupedTopic | str | None = None,
        *,
        name: str | None = None,
        concurrency: int = 1,
        sink: Iterable[Any] | None = None,
        on_error: Callable[[Agent, BaseException], Any] | None = None,
        error_policy: ErrorPolicy | str | None = None,
        dead_letter: bool | str | None = None,
        retry: Retry | int | None = None,
        isolated_partitions: bool = False,
        help: str = "",  # noqa: A002 - Faust's name
        **topic_options: Any,
    ) -> Callable[[Callable[[Any], Any]], Agent]:
        """Make the decorated async function an agent of ``channel`` (None: a topic of its own).

        For a topic of its own, and for one given by name, ``topic_options`` are those of ``topic``:
        ``@app.agent(value_type=Order)``.

        It runs once per partition, ``concurrency`` times side by side if asked (then without order).
        A record it raises on is tried ``retry`` more times, and then fails the process (the default), is
        skipped, or goes to the dead-letter topic: ``error_policy="fail" | "skip" | "dead_letter"``, or
        ``dead_letter=True`` or a topic's name. ``isolated_partitions`` is always so.
        """
        del isolated_partitions

        def declare(fun: Callable[[Any], Any]) -> Agent:
            chosen = name or getattr(fun, "__name__", None) or str(fun)
            if chosen in self.agents or chosen == TABLES:
                raise ImproperlyConfigured(f"agent {chosen!r} is declared twice; give one of them name=")
            agent = Agent(
                fun,
                name=chosen,
                channel=self._channel(channel, chosen, topic_options),
                concurrency=concurrency,
                sink=sink or (),
                on_error=on_error,
                policy=_policy(f"agent {chosen!r}", error_policy, dead_letter, retry),
                help=help,
            )
            self.agents[chosen] = agent
            return agent

        return declare

    def Table(  # noqa: N802 - Faust's name
        self,
        name: str,
        *,
        default: Callable[[], Any] | None = None,
        window: Any = None,
        partitions: int | None = None,
        help: str = "",  # noqa: A002 - Faust's name
        key_type: Any = None,
        value_type: Any = None,
        key_serializer: Any = None,
        value_serializer: Any = None,
        on_window_close: OnWindowClose | None = None,
    ) -> Any:
        """A table; ``.tumbling(…)`` and ``.hopping(…)`` make it a windowed one, as does ``window``."""
        check_name(name)
        if name in self.tables:
            raise ImproperlyConfigured(f"table {name!r} is declared twice; give each its own name")
        table = tables.Table(
            self._services,
            name,
            default=default,
            key_type=key_type,
            value_type=value_type,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
            partitions=partitions,
            on_window_close=on_window_close,
            help=help,
        )
        self.tables[name] = table
        return table if window is None else table.using_window(window)

    def timer(
        self, interval: Seconds, on_leader: bool = False, traced: bool = True, name: str | None = None
    ) -> Callable[[F], F]:
        """Call the decorated async function every ``interval`` seconds while the app runs.

        It runs outside of agents: it can read tables and send, not write to tables.
        """
        del traced
        interval_ms = milliseconds(interval, "timer interval")
        if interval_ms < 1:
            raise ImproperlyConfigured(f"timer interval {interval!r} must be at least 1 millisecond")

        def declare(fun: F) -> F:
            _check_background(fun, "timer", on_leader=on_leader)
            self.timers.append(Timer(fun, name or fun.__name__, interval_ms))
            return fun

        return declare

    def crontab(
        self, cron_format: str, *, timezone: str | None = None, on_leader: bool = False, traced: bool = True
    ) -> Callable[[F], F]:
        """Call the decorated async function at the times of a cron expression."""
        del traced
        schedule, where = CronSchedule(cron_format), zone(timezone or self.conf.timezone)

        def declare(fun: F) -> F:
            _check_background(fun, "crontab", on_leader=on_leader)
            self.timers.append(Crontab(fun, fun.__name__, schedule, where))
            return fun

        return declare

    def task(self, fun: F | None = None, *, on_leader: bool = False, traced: bool = True) -> Any:
        """Run the decorated async function once, when the app has started; its failure fails the app."""
        del traced

        def declare(fun: F) -> F:
            _check_background(fun, "task", on_leader=on_leader)
            self.background.append(fun)
            return fun

        return declare if fun is None else declare(fun)

    def _remember(self, name: str, options: TopicOptions) -> None:
        """A topic may be declared several times; the options that say something must not contradict."""
        known = self.topics.get(name)
        if known is None or not known.says_something:
            self.topics[name] = options
        elif options.says_something and options != known:
            raise ImproperlyConfigured(
                f"topic {name!r} is declared twice with different options: {known} and {options}; "
                f"declare it once"
            )

    def _channel(
        self, channel: Topic | GroupedTopic | str | None, agent: str, options: Mapping[str, Any]
    ) -> Topic | GroupedTopic:
        unknown = sorted(options.keys() - _TOPIC_OPTIONS)
        if unknown:
            raise ImproperlyConfigured(
                f"agent {agent!r}: neither an agent nor a topic has {', '.join(unknown)}="
            )
        if channel is None:
            return self.topic(f"{self.group_id}-{agent}", **{"internal": True, **options})
        if isinstance(channel, str):
            return self.topic(channel, **options)
        if isinstance(channel, (Topic, GroupedTopic)):
            if options:
                raise ImproperlyConfigured(
                    f"agent {agent!r}: {', '.join(sorted(options))}= belongs to app.topic(…), which made its topic"
                )
            return channel
        raise ImproperlyConfigured(
            f"agent {agent!r}: expected app.topic(…), topic.group_by(…) or a topic's name, got {channel!r}"
            + ("; write @app.agent() with parentheses" if callable(channel) else "")
        )


_policy = error_policy
_TOPIC_OPTIONS: Final = frozenset(
    (
        "key_type",
        "value_type",
        "key_serializer",
        "value_serializer",
        "partitions",
        "replicas",
        "retention",
        "compacting",
        "deleting",
        "internal",
        "config",
    )
)
"""What an agent may say of its topic; ``error_policy`` and ``dead_letter`` are the agent's own."""


def _topic_config(
    what: str,
    config: Mapping[str, Any] | None,
    retention: Seconds | None,
    compacting: bool | None,
    deleting: bool | None,
) -> dict[str, str]:
    made = {name: str(value) for name, value in (config or {}).items()}
    if retention is not None:
        made["retention.ms"] = str(milliseconds(retention, f"{what}: retention"))
    policies = [name for name, wanted in (("compact", compacting), ("delete", deleting)) if wanted]
    if policies:
        made["cleanup.policy"] = ",".join(policies)
    return made


def _check_background(fun: Any, kind: str, *, on_leader: bool) -> None:
    if not iscoroutinefunction(fun):
        raise ImproperlyConfigured(f"{kind} {getattr(fun, '__name__', fun)!r} is not an async function")
    if on_leader:
        raise ImproperlyConfigured(
            f"{kind} {fun.__name__!r}: on_leader=True is not supported: it would run in every process of "
            f"the app. Leave it out where the app is one process"
        )
