"""When a segment has been active long enough.

Owns: the age at which a partition begins a new segment.
Must not know: size limits, who appends.
"""

from __future__ import annotations

from streamz_core.log.config import NEVER, TopicConfig
from streamz_core.protocol.crc import crc32c


def roll_after_ms(config: TopicConfig, name: str, base_offset: int) -> int:
    """The age in ms from which on the segment of partition ``name`` at ``base_offset`` takes no more appends.

    Up to ``segment.jitter.ms`` earlier than ``segment.ms``, so that many partitions that began together do
    not roll together. The jitter follows from the segment's identity: opening the log anew draws no other.
    What ``max.compaction.lag.ms`` bounds must have been rolled by then, as only sealed segments are compacted.
    """
    limit_ms = config.segment_ms
    if config.is_compacted and config.max_compaction_lag_ms != NEVER:
        limit_ms = min(limit_ms, config.max_compaction_lag_ms)
    jitter_ms = min(config.segment_jitter_ms, limit_ms)
    if jitter_ms == 0:
        return limit_ms
    drawn = crc32c(f"{name}/{base_offset}".encode())
    return limit_ms - drawn * jitter_ms // (1 << 32)
