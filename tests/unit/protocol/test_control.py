"""Transaction markers: a control batch that other clients understand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiokafka.record.control_record import ABORT_MARKER, COMMIT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatch

from streamz_core.protocol.corrupt import CorruptBatch


@pytest.mark.parametrize("committed", [True, False])
def test_a_marker_is_a_control_batch(protocol: SimpleNamespace, committed: bool) -> None:
    data = protocol.control.end_txn_marker(
        committed=committed, producer_id=77, producer_epoch=3, timestamp=1_000, coordinator_epoch=9
    )

    head = protocol.record_batch.read_header(data)
    assert (head.is_control, head.is_transactional, head.record_count) == (True, True, 1)
    assert (head.producer_id, head.producer_epoch, head.base_sequence) == (77, 3, -1)
    found = protocol.record_batch.decode(data)
    marker = protocol.control.Marker
    assert protocol.control.read_marker(found.keys[0]) is (marker.COMMIT if committed else marker.ABORT)
    assert found.values == [b"\x00\x00\x00\x00\x00\x09"]
    (theirs,) = DefaultRecordBatch(data)
    assert ControlRecord.parse(theirs.key) == (COMMIT_MARKER if committed else ABORT_MARKER)


def test_later_versions_of_the_key_may_be_longer(protocol: SimpleNamespace) -> None:
    assert protocol.control.read_marker(b"\x00\x01\x00\x01more") is protocol.control.Marker.COMMIT


@pytest.mark.parametrize("key", [None, b"", b"\x00\x00\x00", b"\xff\xff\x00\x00", b"\x00\x00\x00\x02"])
def test_another_key_is_no_marker(protocol: SimpleNamespace, key: bytes | None) -> None:
    with pytest.raises(CorruptBatch, match="control record"):
        protocol.control.read_marker(key)
