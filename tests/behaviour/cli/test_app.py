"""``streamz app``, and Kafka's application reset tool: the app's own commands, for an app found by its name."""

from __future__ import annotations

import asyncio
import sys

import pytest
from click.testing import CliRunner

from streamz_core.app.app import App
from streamz_core.app.command_line import COMMANDS
from streamz_core.app.reset import ResetOptions, StillRunning, reset_by_id
from streamz_core.cli.app import command as app_command
from streamz_core.cli.main import main
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest

PROGRAM = """
from streamz_core import App

def make(store="counts"):
    app = App("shop", broker="file://{path}/data", broker_commit_interval=0.01)
    stream = app.stream("views", key_type=str, value_type=str)
    stream.group_by(lambda _, page: page, "by-page").count(store).to_stream().to("counted", value_type=int)
    return app

app = make()
renamed = make("totals")
number = 3
"""
VIEWS = TopicPartition("views", 0)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A module ``the_shop`` in the working directory."""
    (tmp_path / "the_shop.py").write_text(PROGRAM.format(path=tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("the_shop", None)


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(arguments))
    assert "Traceback" not in done.output
    return done.exit_code, done.output


def shop(path, store="counts") -> App:
    """The app of the program."""
    names: dict = {}
    exec(PROGRAM.format(path=path), names)
    return names["make"](store)


async def work(path, *pages: str) -> None:
    """Run the app until it has handled these views."""
    async with shop(path) as app:
        async with AIOKafkaProducer(bootstrap_servers=app.conf.broker) as producer:
            for page in pages:
                await producer.send_and_wait("views", page.encode(), key=b"ann")
        async with asyncio.timeout(20):
            while sum(task.committed.get(VIEWS, 0) for task in app.running.runtime.tasks.values()) < len(
                pages
            ):
                await asyncio.sleep(0)


async def committed(path) -> dict[TopicPartition, int]:
    async with AIOKafkaAdminClient(bootstrap_servers=f"file://{path}/data") as admin:
        found = await admin.list_consumer_group_offsets("shop")
        return {partition: offset.offset for partition, offset in found.items()}


async def topics(path) -> set[str]:
    async with AIOKafkaAdminClient(bootstrap_servers=f"file://{path}/data") as admin:
        return {topic for topic in await admin.list_topics() if topic.startswith("shop-")}


@pytest.mark.parametrize(
    "named",
    [("the_shop",), ("the_shop:app",), ("the_shop.py:make",), ("--app", "the_shop:app")],
)
def test_an_app_is_found_by_its_name(program, named):
    assert invoke("app", "describe", *named) == (0, shop(program).describe())


def test_it_has_the_commands_that_the_apps_own_command_line_has(program):
    assert set(app_command.commands) == {command.name for command in COMMANDS}
    assert invoke("app", "explain", "the_shop") == (0, shop(program).explain())
    assert invoke("app", "tables", "the_shop") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan",), "name the app"),
        (("plan", "no_such_module"), "no module 'no_such_module'"),
        (("plan", "the_shop:number"), "is no App: 3; its apps: app, renamed"),
        (("plan", "the_shop:absent"), "'absent' of module 'the_shop' is not there"),
        (("plan", ":app"), "name the app"),
        (("plan", "the_shop", "--app", "the_shop"), "name the app once"),
        (("reset",), "--application-id"),
        (("reset", "the_shop", "--application-id", "shop"), "--application-id"),
        (("reset", "the_shop", "--dry-run", "--execute"), "exclude each other"),
        (("reset", "the_shop", "--to-earliest", "--to-latest"), "exactly one of"),
    ],
)
def test_what_cannot_be_done_is_said(program, arguments, says):
    code, said = invoke("app", *arguments)

    assert code == 2, said
    assert says in said


def test_a_program_that_fails_when_it_is_imported_is_named(program):
    (program / "the_shop.py").write_text("import nothing_of_this_name")
    code, said = invoke("app", "plan", "the_shop")
    assert (code, "No module named 'nothing_of_this_name'" in said) == (2, True), said

    (program / "the_shop.py").write_text("1 / 0")
    code, said = invoke("app", "plan", "the_shop")
    assert (code, "ZeroDivisionError" in said) == (2, True), said


def test_plan_tells_of_state_that_would_be_lost(program):
    code, said = invoke("app", "plan", "the_shop")
    assert (code, "  + store counts (key_value, 1 partitions)" in said) == (0, True), said

    asyncio.run(work(program))

    assert invoke("app", "plan", "the_shop") == (0, "nothing changes\n")
    code, said = invoke("app", "plan", "the_shop:renamed")
    assert (code, "! - store counts" in said) == (3, True), said


def test_a_reset_by_the_application_id_alone_finds_what_the_app_has_made(program):
    asyncio.run(work(program, "a", "b", "a"))
    here = ("--application-id", "shop", "--bootstrap-server", f"file://{program}/data")

    code, shown = invoke("app", "reset", *here)
    assert code == 0
    assert "Nothing was changed" in shown
    assert shown.startswith(invoke("app", "reset", "the_shop")[1].split("Nothing")[0])
    assert asyncio.run(committed(program))[VIEWS] == 3

    code, done = invoke("app", "reset", *here, "--execute")
    assert code == 0, done
    assert done == shown.split("Nothing")[0]
    assert asyncio.run(topics(program)) == set()
    assert asyncio.run(committed(program)) == {VIEWS: 0}
    assert not (program / "data" / "state" / "shop").exists()

    code, said = invoke("app", "reset", *here)
    assert code == 1
    assert "nothing is known of an application 'shop'" in said


def test_kafkas_tool_does_it_at_once_unless_it_is_a_dry_run(program):
    asyncio.run(work(program, "a", "b", "a"))
    tool = ("kafka-streams-application-reset", "--bootstrap-server", f"file://{program}/data")
    asked = ("--application-id", "shop", "--input-topics", "views", "--shift-by", "-1")

    code, shown = invoke(*tool, *asked, "--dry-run")
    assert (code, "read views-0 from offset 2" in shown) == (0, True), shown
    assert asyncio.run(committed(program))[VIEWS] == 3

    code, done = invoke(*tool, *asked, "--internal-topics", "shop-by-page-repartition")
    assert code == 0
    assert "delete topic shop-by-page-repartition" in done
    assert asyncio.run(committed(program)) == {VIEWS: 2}
    assert asyncio.run(topics(program)) == {"shop-counts-changelog", "shop-topology"}


@pytest.mark.parametrize("option", ["--input-topics", "--internal-topics"])
def test_a_topic_that_is_not_the_apps_is_refused(program, option):
    asyncio.run(work(program))

    code, said = invoke("app", "reset", "the_shop", option, "elsewhere")

    assert code == 2
    assert "topic elsewhere; it has: " in said


def test_offsets_come_from_a_file(program):
    asyncio.run(work(program, "a", "b", "a"))
    (program / "offsets.csv").write_text("views,0,1\n")

    code, said = invoke("app", "reset", "the_shop", "--from-file", "offsets.csv", "--execute")
    assert code == 0, said
    assert asyncio.run(committed(program)) == {VIEWS: 1}

    code, said = invoke("app", "reset", "the_shop", "--from-file", "absent.csv")
    assert (code, "cannot be read" in said) == (2, True), said


async def test_members_that_are_gone_for_certain_can_be_removed(program):
    await work(program, "a")
    address = f"file://{program}/data"
    link = await open_link(address)
    joining = JoinGroupRequest(
        group_id="shop", session_timeout_ms=600_000, protocols=[JoinGroupProtocol(name="range", metadata=b"")]
    )
    answer = await link.send(joining)
    with pytest.raises(StillRunning, match="--force"):
        await reset_by_id("shop", address)

    done = await reset_by_id("shop", address, ResetOptions(force=True), dry_run=False)

    assert done.members == (answer.member_id,)
    assert (await reset_by_id("shop", address, ResetOptions(input_topics=frozenset({"views"})))).members == ()
    await link.close()
