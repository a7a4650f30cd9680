"""``streamz restore``: make a data directory out of a backup.

Owns: what is printed.
Must not know: what a restore changes; ``streamz_core.log.backup`` does.
"""

from __future__ import annotations

import json

import click
import msgspec

from streamz_core.cli.backup import describe
from streamz_core.cli.connection import failure
from streamz_core.cli.directories import any_path
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.errors import StreamzError
from streamz_core.log.backup import restore
from streamz_core.log.files import DiskFiles


@click.command("restore")
@click.argument("backup")
@click.argument("directory")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(backup: str, directory: str, as_json: bool, quiet: bool) -> None:
    """Make the data directory DIRECTORY, which is not there yet, out of BACKUP. BACKUP stays as it is."""
    source, target = any_path(backup), any_path(directory)
    try:
        with bar_unless(quiet, as_json) as bar:
            summary = restore(DiskFiles(), source, target, bar)
    except (StreamzError, OSError) as error:
        raise failure(error) from error
    text = f"{target}: {describe(summary)} restored from {source}"
    click.echo(json.dumps(msgspec.to_builtins(summary)) if as_json else text)
