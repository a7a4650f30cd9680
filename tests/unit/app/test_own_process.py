"""What a worker changes about its own process."""

from __future__ import annotations

import gc

from streamz_core.app import own_process


def test_the_collector_lets_a_slice_of_records_pass():
    before = gc.get_threshold()
    try:
        own_process.tune()

        assert gc.get_threshold() == own_process.GC_THRESHOLDS
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)


def test_another_c_library_is_left_alone(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(own_process.ctypes, "CDLL", missing)

    assert not own_process.keep_freed_memory()
