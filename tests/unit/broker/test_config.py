from __future__ import annotations

from typing import Any

import pytest

from streamz_core.broker.config import BrokerConfig
from streamz_core.errors import Misuse
from streamz_core.model import Durability


def test_the_defaults_are_the_safe_ones() -> None:
    assert BrokerConfig().durability is Durability.SYNC
    assert BrokerConfig().advertised_port == -1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default_partitions", 0),
        ("default_partitions", True),
        ("flush_interval_ms", 0),
        ("retention_check_interval_ms", -1),
        ("sync_threads", "2"),
        ("group_initial_rebalance_delay_ms", -1),
        ("fetch_max_bytes", 1.5),
        ("durability", "sync"),
        ("auto_create_topics", 1),
        ("advertised_host", None),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(Misuse, match=name) as wrong:
        BrokerConfig(**{name: value})

    assert repr(value) in str(wrong.value)
