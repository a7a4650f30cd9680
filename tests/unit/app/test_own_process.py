"""What a worker changes about its own process."""

from __future__ import annotations

import gc
import subprocess
import sys

from streamz_core.app import own_process


def test_the_collector_lets_a_slice_of_records_pass():
    before = gc.get_threshold()
    try:
        own_process.tune()

        assert gc.get_threshold() == own_process.GC_THRESHOLDS
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)


FAULTS_OF_READS = """
import resource
from streamz_core.app import own_process

pages = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
is_kept = own_process.keep_freed_memory()
buffers = [b"x" * (1 << 20) for _ in range(8)]
before = pages()
for _ in range(50):
    buffers = [b"x" * (1 << 20) for _ in range(8)]
print(pages() - before if is_kept else 0)
"""


def test_a_large_buffer_is_taken_from_what_was_freed():
    ran = subprocess.run([sys.executable, "-c", FAULTS_OF_READS], capture_output=True, text=True, check=True)

    assert int(ran.stdout) < 50 * 8 * 256 / 10


def test_another_c_library_is_left_alone(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(own_process.ctypes, "CDLL", missing)

    assert not own_process.keep_freed_memory()
