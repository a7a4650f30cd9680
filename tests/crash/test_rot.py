"""Owns: harness H5: bits flipped in any byte at rest; reads return the original bytes or raise.

Nothing is deleted or truncated before the recovery point, and what is not damaged goes on serving.
"""

from __future__ import annotations

import pytest

from streamz_core.testing.disk_tree import Tree
from tests.crash.effort import Effort
from tests.crash.processes import Processes
from tests.crash.rot import (
    CACHES,
    KINDS,
    bytes_of,
    check,
    files_of,
    flip_bits,
    kind_of,
    reference,
    swap_files,
    with_content,
)
from tests.crash.tally import Tally


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_never_silently_read(kind, effort: Effort, processes: Processes, tally: Tally):
    limit = effort.flips_per_kind
    step = 1 if limit is None else max(1, bytes_of(kind) // limit)
    parts = processes.count
    begun = [
        processes.start(flip_bits, kind, step, effort.bits_per_byte, (part, parts)) for part in range(parts)
    ]
    for result in begun:
        tally.add(result())


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_or_zeroed_file_is_never_silently_read(kind):
    for path, content in files_of(kind):
        for size in sorted({0, 1, len(content) // 2, max(0, len(content) - 1)}):
            story = f"{path} cut to {size} of {len(content)} bytes"
            check(with_content(path, content[:size]), story, is_harmless=kind in CACHES)
        zeroed = with_content(path, bytes(len(content)))
        check(zeroed, f"{path} zeroed", is_harmless=kind in CACHES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_never_silently_read(kind):
    for path, _ in files_of(kind):
        rest = {other: content for other, content in reference().files().items() if other != path}
        check(Tree.of(rest), f"{path} missing", is_harmless=kind in CACHES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_swapped_with_its_like_is_never_silently_read(kind):
    swap_files(kind)


def test_the_reference_has_every_kind_of_file():
    assert {kind_of(path) for path in reference().files()} - {"LOCK"} == set(KINDS)
