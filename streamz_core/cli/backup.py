"""``streamz backup``: copy a data directory that nobody has open.

Owns: what is printed.
Must not know: what a backup consists of; ``streamz_core.log.backup`` does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import msgspec

from streamz_core.cli.connection import CommandError, failure
from streamz_core.cli.directories import any_path, directory_path
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.clock import SystemClock
from streamz_core.errors import StreamzError
from streamz_core.log.backup import BackupSummary, back_up
from streamz_core.log.directory import LogDirectory
from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles

if TYPE_CHECKING:
    from streamz_core.progress import Progress


@click.command("backup")
@click.argument("directory")
@click.argument("target")
@click.option(
    "--copy", is_flag=True, help="Copy every byte instead of linking what does not change any more."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(directory: str, target: str, copy: bool, as_json: bool, quiet: bool) -> None:
    """Back DIRECTORY up to TARGET, which is not there yet, while nobody has it open.

    Sealed segments are hard links where TARGET is on the same disk: that guards against mistakes, not
    against the disk. A process that has DIRECTORY open backs it up itself (streamz_core.client.local_link.backup).
    """
    path, target_path = directory_path(directory), any_path(target)
    try:
        with bar_unless(quiet, as_json) as bar:
            summary = _back_up(path, target_path, links=not copy, progress=bar)
    except DirectoryOwned as error:
        raise CommandError(
            f"{error}; in that process: await streamz_core.client.local_link.backup(link, target)"
        ) from error
    except (StreamzError, OSError) as error:
        raise failure(error) from error
    text = f"{path}: {describe(summary)} backed up to {target_path}"
    click.echo(json.dumps(msgspec.to_builtins(summary)) if as_json else text)


def describe(summary: BackupSummary) -> str:
    """How much it is."""
    return f"{len(summary.partitions)} partitions, {summary.size_bytes} bytes"


def _back_up(path: str, target: str, *, links: bool, progress: Progress) -> BackupSummary:
    now_ms = SystemClock().now_ms()
    directory = LogDirectory.open(DiskFiles(), path, now_ms)
    try:
        summary = back_up(directory, target, now_ms, links=links, progress=progress)
    except BaseException:
        directory.abandon()
        raise
    directory.close()
    return summary
