"""``streamz check``: walk a data directory's whole format and say what is wrong with it.

Owns: what is printed and the exit code: 1 where records are lost or unreadable, else 0.
Must not know: the format; ``streamz_core.log.check`` does.
"""

from __future__ import annotations

import json

import click

from streamz_core.cli.connection import DEFAULT_ADDRESS, CommandError, require_directory
from streamz_core.client import address as addresses
from streamz_core.errors import StreamzError
from streamz_core.log.check import Finding, Severity, check
from streamz_core.log.files import DiskFiles


@click.command("check")
@click.argument("directory", default=DEFAULT_ADDRESS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(directory: str, as_json: bool) -> None:
    """Verify every file of DIRECTORY and change nothing. Meant for a directory nobody writes to meanwhile."""
    require_directory(directory)
    parsed = addresses.parse(directory)
    if not isinstance(parsed, addresses.FileAddress):
        raise click.UsageError(f"{directory!r} is no data directory")
    try:
        findings = check(DiskFiles(), parsed.path)
    except (StreamzError, OSError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        click.echo(json.dumps([_as_json(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo(_summary(parsed.path, findings))
    if any(finding.severity is Severity.DAMAGE for finding in findings):
        raise SystemExit(1)


def _as_json(finding: Finding) -> dict[str, object]:
    return {**finding._asdict(), "severity": finding.severity.value}


def _summary(path: str, findings: list[Finding]) -> str:
    damages = sum(finding.severity is Severity.DAMAGE for finding in findings)
    if damages:
        return f"{path}: {damages} damaged"
    if findings:
        return f"{path}: sound; {len(findings)} findings that opening the directory mends"
    return f"{path}: sound"
