from __future__ import annotations

from itertools import product

import pytest

from streamz_core.broker.append import LEVEL_OF_ACKS, capped
from streamz_core.model import Durability

_ORDER = [Durability.NONE, Durability.OS, Durability.SYNC]


@pytest.mark.parametrize(("asked", "cap"), list(product(_ORDER, _ORDER)))
def test_the_cap_only_ever_weakens(asked: Durability, cap: Durability) -> None:
    assert _ORDER.index(capped(asked, cap)) == min(_ORDER.index(asked), _ORDER.index(cap))


def test_acks_mean_what_the_contract_says() -> None:
    assert LEVEL_OF_ACKS == {-1: Durability.SYNC, 1: Durability.OS, 0: Durability.NONE}
