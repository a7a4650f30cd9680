"""Owns: what a failed call to the disk is told as: where, why, and what to do about it."""

from __future__ import annotations

import errno

import pytest

from streamz_core.log.errors import StorageFailure


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free disk space"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "write access"),
        (errno.EIO, "the disk's health"),
    ],
)
def test_the_remedy_fits_the_error(number, remedy):
    failure = StorageFailure("t-0", "writing", "/d/log/t-0/0.log", OSError(number, "refused"))

    assert str(failure).startswith("t-0: writing failed on /d/log/t-0/0.log: ")
    assert remedy in str(failure)
