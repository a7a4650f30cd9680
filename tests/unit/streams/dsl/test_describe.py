"""Topologies in words, drawings and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamz_core.app.app import App
from streamz_core.app.command_line import command_line
from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder


def words() -> StreamsBuilder:
    builder = StreamsBuilder()
    lines = builder.stream("lines", value_type=str)
    split = lines.flat_map_values(str.split).group_by(lambda _, word: word, "words")
    split.count("counts").to_stream().to("word-counts")
    return builder


def split() -> StreamsBuilder:
    builder = StreamsBuilder()
    branches = builder.stream("a").split("by-").branch(always, "x").branch(always).default_branch()
    for branch, topic in (("by-x", "o1"), ("by-2", "o2"), ("by-0", "o3")):
        branches[branch].to(topic)
    return builder


def stream_with_table() -> StreamsBuilder:
    builder = StreamsBuilder()
    stream = builder.stream("l")
    stream.left_join(builder.table("r"), always).to("o")
    return builder


def grouped_table() -> StreamsBuilder:
    builder = StreamsBuilder()
    grouped = builder.table("l").group_by(lambda key, value: (value, value), "g")
    grouped.count("c").to_stream().to("o")
    return builder


def stateless() -> StreamsBuilder:
    builder = StreamsBuilder()
    stream = builder.stream("a")
    rekeyed = stream.filter(always).map_values(str).select_key(always)
    rekeyed.repartition("re").merge(builder.stream("b")).peek(always).to("o")
    stream.foreach(always)
    stream.map(always).flat_map(always).filter_not(always).print()
    return builder


def always(_key: object, _value: object) -> Any:
    return True


DESCRIBED = {
    "word count": words,
    "split": split,
    "stream with table": stream_with_table,
    "grouped table": grouped_table,
    "stateless": stateless,
}


def of_kafka() -> dict[Any, Any]:
    """What Kafka Streams 4.1 prints of the same topologies, by ``builder.build().describe()``."""
    text = Path(__file__).with_name("kafka_descriptions.txt").read_text()
    parts = [part.split("\n", 1) for part in text.split("=== ")[1:]]
    return dict(parts)


@pytest.mark.parametrize("name", DESCRIBED)
def test_the_text_is_kafkas(name: str) -> None:
    assert DESCRIBED[name]().describe() == of_kafka()[name]


def test_what_is_dealt_out_anew_twice_shares_a_topic() -> None:
    builder = StreamsBuilder()
    by_page = builder.stream("views").select_key(always, key_type=str)
    by_page.group_by_key("first").count("counts")
    by_page.join(builder.table("pages", key_type=str), always, "second").to("joined")
    assert "first-repartition" in builder.describe()
    assert "second-repartition" not in builder.describe()


def test_mermaid_draws_topics_steps_and_stores() -> None:
    drawn = words().describe("mermaid")

    assert drawn.startswith("flowchart TD\n")
    assert '(["lines"])' in drawn
    assert '[("counts")]' in drawn
    # The topic in between is one box: the parts hang together.
    assert drawn.count('(["words-repartition"])') == 1


def test_json_comes_back() -> None:
    first, second = json.loads(words().describe("json"))["subtopologies"]

    assert first["nodes"][0] == {
        "kind": "source",
        "name": "KSTREAM-SOURCE-0000000000",
        "topics": ["lines"],
        "stores": [],
        "predecessors": [],
        "successors": ["KSTREAM-FLATMAPVALUES-0000000001"],
    }
    assert [node["kind"] for node in second["nodes"]] == ["source", "processor", "processor", "sink"]


def test_a_format_that_is_none() -> None:
    with pytest.raises(Misuse, match="text, mermaid, json; got 'svg'"):
        words().describe("svg")


def test_topics_chosen_for_each_record_and_global_tables() -> None:
    builder = StreamsBuilder()
    users = builder.global_table("users")
    stream = builder.stream("clicks").join(users, lambda key, value: value, lambda click, user: user)
    stream.to(lambda key, value: f"to-{value}", "by-user")

    said = builder.describe()
    assert "Sink: by-user (topic: chosen for each record)" in said
    assert "Sub-topology: 1 for global store (will not generate tasks)" in said
    assert "(topics: [users])" in said


def test_explain_says_why_records_go_one_by_one() -> None:
    builder = StreamsBuilder()
    stream = builder.stream("in")
    stream.filter(lambda key, value: value, "some").to("out", "first")
    stream.to("out", "second")
    builder.stream("other").to("elsewhere")

    said = builder.explain()
    assert "Sub-topology 0: records pass one by one" in said
    assert "of what KSTREAM-SOURCE-0000000000 reads, first and second may write to one topic" in said
    assert "Sub-topology 1: records pass in pieces of up to 128" in said


def mixed() -> App:
    app = App("mixed", broker="memory://describe")
    orders = app.topic("orders", value_type=int)
    app.Table("totals", default=int)

    @app.agent(orders)
    async def count(stream: object) -> None:
        raise AssertionError(stream)

    app.stream(orders).repartition("again").to("out")
    return app


def test_an_app_of_agents_and_streams() -> None:
    said = mixed().describe()

    assert "Processor: count (stores: [totals])\n      --> none\n      <-- orders-source" in said
    assert "topics: [mixed-again-repartition]" in said
    assert said.count("Sub-topology:") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["describe"], "Processor: count"),
        (["describe", "--format", "mermaid"], "flowchart TD"),
        (["describe", "--format", "json"], '"name": "count"'),
        (["explain"], "in pieces of up to 128"),
    ],
)
def test_the_command_line(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(command_line(mixed()), arguments)

    assert result.exit_code == 0
    assert says in result.output
