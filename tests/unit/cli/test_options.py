"""Values of options: pairs, files, choices of topics, lag, tables."""

from __future__ import annotations

import asyncio
import io
from uuid import UUID

import pytest

from streamz_core.cli.client_properties import CONSUMER, PRODUCER, arguments
from streamz_core.cli.group_describe import GroupOffset
from streamz_core.cli.options import OptionError, pairs, properties
from streamz_core.cli.standard_input import CHUNK_BYTES, Input
from streamz_core.cli.table import table
from streamz_core.cli.topic_choice import TopicChoice, id_text
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.protocol.messages.metadata import MetadataTopic

TOPICS = [
    MetadataTopic(name=name, topic_id=UUID(int=number), is_internal=name.startswith("_"), partitions=[])
    for number, name in enumerate(("my.topic", "my-topic", "orders", "__offsets"))
]


def test_pairs_keep_everything_after_the_first_equals_sign():
    assert pairs(("a=b=c", " d = e", "f="), "--x") == {"a": "b=c", "d": " e", "f": ""}


@pytest.mark.parametrize("text", ["a", "=b", " =b"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(OptionError, match="--x takes key=value"):
        pairs((text,), "--x")


def test_options_win_over_a_properties_file(tmp_path):
    path = tmp_path / "client.properties"
    path.write_text("# a comment\n! another\n\nacks = 1\nlinger.ms=5\n")

    assert properties(str(path), ("acks=all",), file_option="--f", option="--x") == {
        "acks": "all",
        "linger.ms": "5",
    }


def test_a_properties_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OptionError, match="cannot be read"):
        properties(str(tmp_path / "none"), (), file_option="--f", option="--x")


def test_every_client_property_is_an_argument_of_the_client():
    values = {str: "x", int: "5", bool: "true"}
    for known, client in ((PRODUCER, AIOKafkaProducer), (CONSUMER, AIOKafkaConsumer)):
        given = {name: values[kind] for name, (_, kind) in known.items()}
        accepted = client.__init__.__kwdefaults__

        assert set(arguments(given, known, "--x")) <= set(accepted)


@pytest.mark.parametrize(
    ("name", "text"), [("linger", "5"), ("linger.ms", "soon"), ("enable.idempotence", "1")]
)
def test_wrong_client_properties_are_refused(name, text):
    with pytest.raises(OptionError, match=name):
        arguments({name: text}, PRODUCER, "--x")


@pytest.mark.parametrize(
    ("name", "excludes", "expected"),
    [
        (None, False, ["__offsets", "my-topic", "my.topic", "orders"]),
        (None, True, ["my-topic", "my.topic", "orders"]),
        ("my.topic", False, ["my.topic"]),
        ("my.topi.", False, ["my-topic", "my.topic"]),
        ("orders,my-topic", False, ["my-topic", "orders"]),
        ("[a-z]{6,6}", False, ["orders"]),
        (".*", True, ["my-topic", "my.topic", "orders"]),
        ("order", False, []),
    ],
)
def test_topics_are_chosen_by_name_list_or_pattern(name, excludes, expected):
    chosen = TopicChoice.of(name, exclude_internal=excludes).among(TOPICS)

    assert [topic.name for topic in chosen] == expected


def test_topics_are_chosen_by_id():
    wanted = id_text(UUID(int=2))

    assert wanted == "AAAAAAAAAAAAAAAAAAAAAg"
    assert [t.name for t in TopicChoice.of(None, wanted, exclude_internal=False).among(TOPICS)] == ["orders"]


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(OptionError, match="no regular expression"):
        TopicChoice.of("a(", exclude_internal=False)


@pytest.mark.parametrize(
    ("current", "end", "lag"), [(3, 10, 7), (10, 10, 0), (12, 10, 0), (None, 10, None), (3, None, None)]
)
def test_lag_is_the_distance_to_the_end(current, end, lag):
    assert GroupOffset("g", "t", 0, current, end).lag == lag


def test_a_table_is_as_wide_as_its_cells():
    assert table(["A", "LONG"], [["wide one", None], ["", 0]]) == "A        LONG\nwide one -\n-        0"


@pytest.mark.parametrize(
    "content",
    [b"", b"a", b"a\n", b"a\r\nb", b"\n\n", b"x" * (3 * CHUNK_BYTES) + b"\ny\n", b"a\n" * CHUNK_BYTES],
)
async def test_standard_input_is_cut_into_its_lines(content):
    lines = [line async for lines in Input(io.BytesIO(content)).lines() for line in lines]

    expected = content.replace(b"\r\n", b"\n").split(b"\n")
    assert lines == (expected if expected[-1] else expected[:-1])


async def test_an_error_of_standard_input_is_raised():
    class Failing:
        def read(self, _size):
            raise OSError(5, "it broke")

    with pytest.raises(OSError, match="it broke"):
        await asyncio.wait_for(anext(Input(Failing()).lines()), 5)
