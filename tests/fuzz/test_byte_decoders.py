"""Owns: the fuzzer's other target holds for its seeds and for seeds that were damaged, without the fuzzer."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.byte_decoders import DECODERS, damaged, one_input

DAMAGES = 30
"""Of each seed: the fuzzer itself does the rest (``make fuzz``)."""
_PLACES = {decoder.name: place for place, decoder in enumerate(DECODERS)}


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_well_formed_bytes_are_read(decoder):
    assert decoder.seeds
    for seed in decoder.seeds:
        decoder.run(seed)


@pytest.mark.parametrize("name", _PLACES)
def test_damaged_bytes_are_refused_by_name_or_read(name):
    place = _PLACES[name]
    rng = random.Random(place)
    for seed in DECODERS[place].seeds:
        for _ in range(DAMAGES):
            one_input(damaged(bytes([place]) + seed, rng))
        for cut in range(min(len(seed), 60)):
            one_input(bytes([place]) + seed[:cut])


def test_bytes_that_were_never_anything():
    rng = random.Random(848)
    for _ in range(2_000):
        one_input(rng.randbytes(rng.randint(0, 80)))
