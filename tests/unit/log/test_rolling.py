from __future__ import annotations

from streamz_core.log.config import TopicConfig
from streamz_core.log.rolling import roll_after_ms


def test_without_jitter_a_segment_rolls_after_segment_ms():
    assert roll_after_ms(TopicConfig(segment_ms=1_000), "t-0", 0) == 1_000


def test_jitter_spreads_partitions_and_stays_for_a_segment():
    config = TopicConfig(segment_ms=1_000, segment_jitter_ms=400)

    drawn = [roll_after_ms(config, f"t-{number}", 0) for number in range(200)]

    assert all(600 <= one <= 1_000 for one in drawn)
    assert len(set(drawn)) > 100
    assert drawn == [roll_after_ms(config, f"t-{number}", 0) for number in range(200)]
    assert roll_after_ms(config, "t-0", 7) != roll_after_ms(config, "t-0", 0)


def test_jitter_is_never_longer_than_what_it_shortens():
    config = TopicConfig(segment_ms=10, segment_jitter_ms=1_000_000)

    assert all(0 <= roll_after_ms(config, f"t-{number}", 0) <= 10 for number in range(100))


def test_what_is_to_be_compacted_in_time_rolls_in_time():
    config = TopicConfig(cleanup_policy=("compact",), segment_ms=1_000, max_compaction_lag_ms=300)

    assert roll_after_ms(config, "t-0", 0) == 300
    assert roll_after_ms(TopicConfig(segment_ms=1_000, max_compaction_lag_ms=300), "t-0", 0) == 1_000


def test_a_segment_rolls_by_jittered_time(topic, batch):
    log = topic(segment_ms=1_000, segment_jitter_ms=900).partition("t", 0)
    after_ms = roll_after_ms(log.config, log.name, 0)
    log.append(batch("a"), level="os", now_ms=0)
    log.append(batch("b"), level="os", now_ms=after_ms)
    before = len(log.scrub_targets())

    log.append(batch("c"), level="os", now_ms=after_ms + 1)
    log.sync()

    assert (before, len(log.scrub_targets())) == (0, 1)


def test_an_idle_compacted_log_is_compacted_within_its_lag(topic, batch, records):
    log = topic(cleanup_policy="compact", max_compaction_lag_ms=500, min_cleanable_dirty_ratio=1).partition(
        "t", 0
    )
    for number in range(3):
        log.append(batch(f"{number}", keys=["k"]), level="os", now_ms=number)

    early = log.compact(400)
    result = log.compact(600)

    assert early.segments_before == 0
    assert result.segments_before == 1
    assert records(log) == [(2, b"k", b"2")]
