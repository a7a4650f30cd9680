"""``streamz transactions``: kafka-transactions' subcommands, flags and columns.

Owns: the verb's subcommands and their options.
Must not know: how transactions work, what the tables show (``transaction_tables``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from streamz_core.cli import transaction_tables as tables
from streamz_core.cli.connection import (
    CommandError,
    address_option,
    admin_options,
    chosen_address,
    connected,
    run,
)
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.transaction_answers import AbortTransactionSpec, TransactionState
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_BROKER_ID: Final = 0
_MINUTE_MS: Final = 60_000
_STATES: Final = tuple(state.value for state in TransactionState if state is not TransactionState.UNKNOWN)

_topic = click.option("--topic", shell_complete=topic_names, required=True, metavar="NAME", help="The topic.")
_partition = click.option(
    "--partition", required=True, type=click.IntRange(0), metavar="NUMBER", help="Its partition."
)
_transactional_id = click.option(
    "--transactional-id", "--transactionalId", required=True, metavar="ID", help="The transactional id."
)
_broker_id = click.option(
    "--broker-id", type=int, metavar="ID", help=f"The broker; an embedded log has one, {_BROKER_ID}."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Verbs(click.Group):
    """Understands the spelling of Kafka's newest tool, ``forceTerminateTransaction``."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of that name."""
        kafkas = {"forceTerminateTransaction": "force-terminate"}
        return super().get_command(ctx, kafkas.get(cmd_name, cmd_name))


@click.group("transactions", cls=_Verbs)
@admin_options
@click.pass_context
def command(context: click.Context, address: str) -> None:
    """List and describe transactions; find and end those that hang: streamz transactions COMMAND --help."""
    context.obj = address


class Session(NamedTuple):
    """One command at work."""

    admin: AIOKafkaAdminClient
    now_ms: int
    """When it began, by the log's clock."""


VerbT = TypeVar("VerbT", bound="Callable[..., Coroutine[Any, Any, None]]")


def _verb(name: str, *parameters: Callable[[Any], Any]) -> Callable[[VerbT], VerbT]:
    """Make a subcommand of a function; the address is understood before its name, as Kafka has it, and after."""

    def register(function: VerbT) -> VerbT:
        @command.command(name, help=function.__doc__)
        @options(address_option, *parameters)
        @click.pass_context
        def invoke(context: click.Context, /, address: str, **given: Any) -> None:
            run(_with_session(chosen_address(context, address), function, given))

        return function

    return register


async def _with_session(
    address: str, function: Callable[..., Coroutine[Any, Any, None]], given: dict[str, Any]
) -> None:
    async with connected(address) as link, AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        await function(Session(admin, link.clock.now_ms()), **given)


@_verb(
    "list",
    click.option(
        "--duration-filter", type=int, metavar="MS", help="Only transactions that have been open for longer."
    ),
    click.option("--state", "states", metavar="STATES", help=f"Only those in these: {', '.join(_STATES)}."),
    click.option(
        "--producer-id", "producer_ids", type=int, multiple=True, metavar="ID", help="Only its; repeat."
    ),
    click.option(
        "--transactional-id-pattern", "pattern", metavar="REGEX", help="Only ids that match as a whole."
    ),
    _json,
)
async def list_transactions(
    session: Session,
    duration_filter: int | None,
    states: str | None,
    producer_ids: tuple[int, ...],
    pattern: str | None,
    as_json: bool,
) -> None:
    """List transactional ids."""
    listed = await session.admin.list_transactions(
        states=_states(states or ""),
        producer_ids=producer_ids,
        duration_ms=duration_filter,
        transactional_id_pattern=pattern,
    )
    tables.show(tables.listings(listed, _BROKER_ID), as_json=as_json)


def _states(text: str) -> list[TransactionState]:
    by_folded = {name.casefold(): TransactionState(name) for name in _STATES}
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for part in wanted:
        if part.casefold() not in by_folded:
            raise OptionError(f"--state {part}: unknown; known are {', '.join(_STATES)}")
    return [by_folded[part.casefold()] for part in wanted]


@_verb("describe", _transactional_id, _json)
async def describe(session: Session, transactional_id: str, as_json: bool) -> None:
    """Describe a transactional id."""
    found = (await session.admin.describe_transactions([transactional_id]))[transactional_id]
    tables.show(tables.description(transactional_id, found, session.now_ms), as_json=as_json)


@_verb("describe-producers", _broker_id, _topic, _partition, _json)
async def describe_producers(
    session: Session, broker_id: int | None, topic: str, partition: int, as_json: bool
) -> None:
    """Describe the producers that a partition remembers."""
    _check_broker(broker_id)
    wanted = TopicPartition(topic, partition)
    tables.show(tables.producers((await session.admin.describe_producers([wanted]))[wanted]), as_json=as_json)


@_verb(
    "abort",
    _topic,
    _partition,
    click.option("--start-offset", type=click.IntRange(0), metavar="OFFSET", help="Where it begins."),
    click.option("--producer-id", type=int, metavar="ID", help="Whose it is, in place of --start-offset."),
    click.option("--producer-epoch", type=int, metavar="EPOCH", help="With --producer-id: its epoch."),
    click.option("--coordinator-epoch", type=int, metavar="EPOCH", help="Taken, and of no effect here."),
)
async def abort(
    session: Session,
    *,
    topic: str,
    partition: int,
    start_offset: int | None,
    producer_id: int | None,
    producer_epoch: int | None,
    coordinator_epoch: int | None,
) -> None:
    """Abort a hanging transaction in one partition."""
    where = TopicPartition(topic, partition)
    if start_offset is not None:
        spec = await _starting_at(session.admin, where, start_offset)
    elif producer_id is None or producer_epoch is None:
        raise click.UsageError("give --start-offset, or --producer-id and --producer-epoch")
    else:
        spec = AbortTransactionSpec(where, producer_id, producer_epoch, max(coordinator_epoch or 0, 0))
    await session.admin.abort_transaction(spec)
    click.echo(f"Aborted the transaction of producer {spec.producer_id} in {topic}-{partition}.")


async def _starting_at(
    admin: AIOKafkaAdminClient, partition: TopicPartition, start_offset: int
) -> AbortTransactionSpec:
    for producer in (await admin.describe_producers([partition]))[partition]:
        if producer.current_transaction_start_offset == start_offset:
            epoch = producer.coordinator_epoch or 0
            return AbortTransactionSpec(partition, producer.producer_id, producer.producer_epoch, epoch)
    raise CommandError(
        f"no open transaction starts at offset {start_offset} of {partition.topic}-{partition.partition} "
        "(see: streamz transactions describe-producers)"
    )


@_verb(
    "find-hanging",
    _broker_id,
    click.option(
        "--max-transaction-timeout",
        type=click.IntRange(0),
        default=15,
        show_default=True,
        metavar="MINUTES",
        help="Only transactions that have written nothing for longer.",
    ),
    click.option("--topic", shell_complete=topic_names, metavar="NAME", help="Look in this topic only."),
    click.option(
        "--partition", type=click.IntRange(0), metavar="NUMBER", help="With --topic: in this partition."
    ),
    _json,
)
async def find_hanging(
    session: Session,
    broker_id: int | None,
    max_transaction_timeout: int,
    topic: str | None,
    partition: int | None,
    as_json: bool,
) -> None:
    """Find transactions that are open in a partition and that nobody will end."""
    _check_broker(broker_id)
    if partition is not None and topic is None:
        raise click.UsageError("--partition needs --topic")
    where = None if topic is None else await _partitions(session.admin, topic, partition)
    found = await session.admin.find_hanging_transactions(
        where, max_transaction_timeout_ms=max_transaction_timeout * _MINUTE_MS
    )
    tables.show(tables.hanging(found, session.now_ms), as_json=as_json)


async def _partitions(admin: AIOKafkaAdminClient, topic: str, partition: int | None) -> list[TopicPartition]:
    (found,) = await admin.describe_topics([topic])
    if found["error_code"]:
        raise CommandError(f"there is no topic {topic!r} (see: streamz topics --list)")
    numbers = [one["partition"] for one in found["partitions"]]
    return [TopicPartition(topic, one) for one in numbers if partition is None or one == partition] or [
        TopicPartition(topic, partition or 0)
    ]


@_verb("force-terminate", _transactional_id)
async def force_terminate(session: Session, transactional_id: str) -> None:
    """Abort what is open under a transactional id, and shut out whoever uses it."""
    fenced = (await session.admin.fence_producers([transactional_id]))[transactional_id]
    click.echo(
        f"Terminated transactional id {transactional_id!r}: "
        f"producer {fenced.producer_id} has epoch {fenced.epoch} now."
    )


def _check_broker(broker_id: int | None) -> None:
    if broker_id not in (None, _BROKER_ID):
        raise OptionError(f"--broker-id {broker_id}: an embedded log has one broker, {_BROKER_ID}")
