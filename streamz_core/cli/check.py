"""``streamz check``: walk a data directory's whole format and say what is wrong with it.

Owns: what is printed, the exit code (1 where records are lost or unreadable, else 0), and that nobody
writes meanwhile.
Must not know: the format; ``streamz_core.log.check`` does.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from streamz_core.cli.connection import default_address, failure
from streamz_core.cli.directories import directory_path
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.errors import StreamzError
from streamz_core.log import layout
from streamz_core.log.check import Depth, Finding, Severity, check
from streamz_core.log.files import DiskFiles

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("check")
@click.argument("directory", required=False)
@click.option("--bootstrap-server", "address", metavar="ADDRESS", help="The same as DIRECTORY.")
@click.option(
    "--deep/--fast",
    "is_deep",
    default=True,
    show_default=True,
    help="Read every byte; or what opening looks at: names, sizes, seals, and what was written last.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(directory: str | None, address: str | None, is_deep: bool, as_json: bool, quiet: bool) -> None:
    """Verify every file of a data directory, and change nothing.

    Exits with 1 if records are lost or cannot be read.
    """
    path = directory_path(directory or address or default_address())
    files = DiskFiles()
    try:
        with _owned(files, path), bar_unless(quiet or not is_deep, as_json) as bar:
            findings = check(files, path, bar, depth=Depth.DEEP if is_deep else Depth.FAST)
    except (StreamzError, OSError) as error:
        raise failure(error) from error
    if as_json:
        click.echo(json.dumps([_as_json(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo(_summary(path, findings))
    if any(finding.severity is Severity.DAMAGE for finding in findings):
        raise SystemExit(1)


@contextmanager
def _owned(files: DiskFiles, path: str) -> Iterator[None]:
    """Hold the directory, so that what is read is not being written; a lock that cannot be is not needed."""
    lock_path = os.path.join(path, layout.LOCK_FILE)
    lock = None
    if files.exists(lock_path):
        try:
            lock = files.lock(lock_path)
        except OSError as error:
            # Who may not write here reads at their own risk; on a read-only medium nobody writes.
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _as_json(finding: Finding) -> dict[str, object]:
    return {**finding._asdict(), "severity": finding.severity.value}


def _summary(path: str, findings: list[Finding]) -> str:
    damages = sum(finding.severity is Severity.DAMAGE for finding in findings)
    if damages:
        return f"{path}: {damages} damaged"
    if findings:
        count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
        return f"{path}: sound; {count} that opening the directory mends"
    return f"{path}: sound"
