"""``streamz check``: walk a data directory's whole format and say what is wrong with it.

Owns: what is printed and the exit code: 0 sound, 1 findings.
Must not know: the format; ``streamz_core.log.check`` does.
"""

from __future__ import annotations

import json

import click

from streamz_core.cli.connection import DEFAULT_ADDRESS, CommandError, require_directory
from streamz_core.client import address as addresses
from streamz_core.errors import StreamzError
from streamz_core.log.check import check_directory
from streamz_core.log.files import DiskFiles


@click.command("check")
@click.argument("directory", default=DEFAULT_ADDRESS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(directory: str, as_json: bool) -> None:
    """Verify every file of DIRECTORY; changes nothing. Works while an app owns the directory."""
    require_directory(directory)
    parsed = addresses.parse(directory)
    if not isinstance(parsed, addresses.FileAddress):
        raise click.UsageError(f"{directory!r} is no data directory")
    try:
        report = check_directory(DiskFiles(), parsed.path)
    except (StreamzError, OSError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        for finding in report.findings:
            click.echo(str(finding))
        click.echo(report.summary())
    if report.findings:
        raise SystemExit(1)
