"""Topologies in words, drawings and JSON."""

from __future__ import annotations

import json
from textwrap import dedent

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


def test_the_text_is_kafkas() -> None:
    assert words().describe() == dedent("""\
        Topologies:
           Sub-topology: 0
            Source: KSTREAM-SOURCE-0000000000 (topics: [lines])
              --> KSTREAM-FLATMAPVALUES-0000000001
            Processor: KSTREAM-FLATMAPVALUES-0000000001 (stores: [])
              --> KSTREAM-KEY-SELECT-0000000002
              <-- KSTREAM-SOURCE-0000000000
            Processor: KSTREAM-KEY-SELECT-0000000002 (stores: [])
              --> KSTREAM-FILTER-0000000003
              <-- KSTREAM-FLATMAPVALUES-0000000001
            Processor: KSTREAM-FILTER-0000000003 (stores: [])
              --> KSTREAM-SINK-0000000004
              <-- KSTREAM-KEY-SELECT-0000000002
            Sink: KSTREAM-SINK-0000000004 (topic: words-repartition)
              <-- KSTREAM-FILTER-0000000003

           Sub-topology: 1
            Source: KSTREAM-SOURCE-0000000005 (topics: [words-repartition])
              --> KSTREAM-AGGREGATE-0000000006
            Processor: KSTREAM-AGGREGATE-0000000006 (stores: [counts])
              --> KTABLE-TOSTREAM-0000000007
              <-- KSTREAM-SOURCE-0000000005
            Processor: KTABLE-TOSTREAM-0000000007 (stores: [])
              --> KSTREAM-SINK-0000000008
              <-- KSTREAM-AGGREGATE-0000000006
            Sink: KSTREAM-SINK-0000000008 (topic: word-counts)
              <-- KTABLE-TOSTREAM-0000000007

        """)


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
