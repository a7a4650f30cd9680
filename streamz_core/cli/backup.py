"""``streamz backup``: copy a data directory that nobody has open.

Owns: what is printed.
Must not know: what a backup consists of; ``streamz_core.log.backup`` does.
"""

from __future__ import annotations

import click

from streamz_core.cli.connection import CommandError
from streamz_core.cli.directories import any_path, directory_path
from streamz_core.clock import SystemClock
from streamz_core.errors import StreamzError
from streamz_core.log.backup import BackupSummary, back_up
from streamz_core.log.directory import LogDirectory
from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles


@click.command("backup")
@click.argument("directory")
@click.argument("target")
@click.option(
    "--copy", is_flag=True, help="Copy every byte instead of linking what does not change any more."
)
def command(directory: str, target: str, copy: bool) -> None:
    """Back DIRECTORY up to TARGET, which is not there yet, while nobody has it open.

    Sealed segments are hard links where TARGET is on the same disk: that guards against mistakes, not
    against the disk. A process that has DIRECTORY open backs it up itself (streamz_core.client.local_link.backup).
    """
    path, target_path = directory_path(directory), any_path(target)
    try:
        summary = _back_up(path, target_path, links=not copy)
    except DirectoryOwned as error:
        raise CommandError(
            f"{error}; in that process: await streamz_core.client.local_link.backup(link, target)"
        ) from error
    except (StreamzError, OSError) as error:
        raise CommandError(str(error)) from error
    click.echo(f"{path}: {describe(summary)} backed up to {target_path}")


def describe(summary: BackupSummary) -> str:
    """How much it is."""
    return f"{len(summary.partitions)} partitions, {summary.size_bytes} bytes"


def _back_up(path: str, target: str, *, links: bool) -> BackupSummary:
    now_ms = SystemClock().now_ms()
    directory = LogDirectory.open(DiskFiles(), path, now_ms)
    try:
        summary = back_up(directory, target, now_ms, links=links)
    except BaseException:
        directory.abandon()
        raise
    directory.close()
    return summary
