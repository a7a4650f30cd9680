"""Owns: the fuzzer's target holds for its seeds and for seeds that were damaged, without the fuzzer."""

from __future__ import annotations

import random

from tests.fuzz.wire_decoders import one_input, seeds

DAMAGES = 4
"""Of each seed: the fuzzer itself does the rest (``make fuzz``)."""


def test_well_formed_messages():
    for seed in seeds():
        one_input(seed)


def test_damaged_messages():
    rng = random.Random(20261120)
    for seed in seeds():
        for _ in range(DAMAGES):
            damaged = bytearray(seed[:4_000])
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(2, len(damaged) + 1)
                damaged[at : at + rng.randint(0, 5)] = rng.randbytes(rng.randint(0, 5))
            one_input(bytes(damaged))


def test_bytes_that_were_never_a_message():
    rng = random.Random(848)
    for _ in range(2_000):
        one_input(rng.randbytes(rng.randint(0, 80)))
