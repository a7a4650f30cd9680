"""Owns: that rot is found unasked, told once, and stops nobody else."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from streamz_core.broker.scrubbing import ROUND_PAUSE_MS, Scrubbing
from streamz_core.log.errors import CorruptRecord


async def fill(talk: Any, count: int = 6) -> Any:
    await talk.create("t", segment_bytes="200")
    for _ in range(count):
        await talk.produce("t", b"x" * 100)
    return talk.broker.log("t", 0)


def damage(talk: Any, position: int = 70) -> None:
    files = talk.broker.directory.files
    file = files.open(f"{talk.broker.path}/log/t-0/{1:020d}.log")
    byte = file.read_at(position, 1)
    file.write_at(position, bytes([byte[0] ^ 1]))
    file.close()


async def test_every_sealed_byte_is_read_at_the_rate_that_was_set(open_broker: Any, caplog: Any) -> None:
    talk = await open_broker(scrub_bytes_per_second=0)
    log = await fill(talk)
    scrubbing = Scrubbing(talk.broker, 1_000)
    began = talk.clock.monotonic_ms()

    round_ = talk.broker.spawn(scrubbing.run_once(), name="round")
    while not round_.done():
        await talk.clock.advance(1)

    sealed = sum(target.summary.size_bytes for target in log.scrub_targets())
    assert scrubbing.read_bytes == sealed > 500
    assert talk.clock.monotonic_ms() - began == pytest.approx(sealed, rel=0.05)
    assert not caplog.records


@pytest.mark.parametrize("position", [2, 70, 13])
async def test_damage_is_told_once_and_other_offsets_are_served(
    open_broker: Any, caplog: Any, position: int
) -> None:
    talk = await open_broker(scrub_bytes_per_second=1_000_000)
    log = await fill(talk)
    damage(talk, position)

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await talk.clock.advance(ROUND_PAUSE_MS + 1_000)

    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "offsets 1 to 1" in told[0]
    assert "streamz repair" in told[0]
    assert log.read(0, 1, up_to=6)
    assert log.read(2, 1, up_to=6)
    with pytest.raises(CorruptRecord):
        log.read(1, 1, up_to=6)
    assert (await talk.produce("t", b"more")).base_offset == 6


async def test_a_scrub_may_be_turned_off(open_broker: Any, caplog: Any) -> None:
    talk = await open_broker(scrub_bytes_per_second=0)
    await fill(talk)
    damage(talk)

    await talk.clock.advance(10 * ROUND_PAUSE_MS)

    assert not caplog.records


async def test_a_segment_that_is_deleted_meanwhile_is_no_damage(open_broker: Any, caplog: Any) -> None:
    talk = await open_broker(scrub_bytes_per_second=0)
    log = await fill(talk)
    scrubbing = Scrubbing(talk.broker, 100)
    round_ = talk.broker.spawn(scrubbing.run_once(), name="round")
    await talk.clock.advance(100)
    log.delete_records_before(5)
    while not round_.done():
        await talk.clock.advance(1_000)

    assert not caplog.records
