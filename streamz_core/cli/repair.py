"""``streamz repair``: say what would be done about a damaged data directory and, with ``--execute``, do it.

Owns: what is printed and the exit code: 1 where something is, or stays, damaged, else 0.
Must not know: how anything is repaired; ``streamz_core.log.repair`` does.
"""

from __future__ import annotations

import json

import click

from streamz_core.cli.connection import default_address, failure
from streamz_core.cli.directories import directory_path
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.clock import SystemClock
from streamz_core.errors import StreamzError
from streamz_core.log.check import Severity
from streamz_core.log.files import DiskFiles
from streamz_core.log.repair import Repaired, repair


@click.command("repair")
@click.argument("directory", required=False)
@click.option("--execute", is_flag=True, help="Do it. Without it, nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(directory: str | None, execute: bool, as_json: bool, quiet: bool) -> None:
    """Repair DIRECTORY while nobody has it open; without --execute, only say what would be done.

    What is damaged is given up, what is sound stays at its offsets. Every file that is changed or removed
    is kept under DIRECTORY/lost+found.
    """
    path = directory_path(directory or default_address())
    try:
        with bar_unless(quiet, as_json) as bar:
            result = repair(DiskFiles(), path, SystemClock().now_ms(), execute=execute, progress=bar)
    except (StreamzError, OSError) as error:
        raise failure(error) from error
    if as_json:
        click.echo(json.dumps(_as_json(result), indent=2))
    else:
        _print(path, result, executed=execute)
    found = result.left if execute else [measure.finding for measure in result.measures]
    if any(finding.severity is Severity.DAMAGE for finding in found):
        raise SystemExit(1)


def _print(path: str, result: Repaired, *, executed: bool) -> None:
    for measure in result.measures:
        click.echo(str(measure))
    if not result.measures:
        click.echo(f"{path}: sound; nothing to repair")
    elif not executed:
        click.echo(f"{path}: nothing was changed; add --execute to do this")
    else:
        for finding in result.left:
            click.echo(f"left: {finding}")
        outcome = "what could be done is done" if result.left else "done"
        kept = f"; what was replaced or removed is in {result.kept_path}" if result.kept_path else ""
        click.echo(f"{path}: {outcome}{kept}")


def _as_json(result: Repaired) -> dict[str, object]:
    return {
        "measures": [
            {
                **measure.finding._asdict(),
                "severity": measure.finding.severity.value,
                "action": measure.action,
            }
            for measure in result.measures
        ],
        "lost_and_found": result.kept_path,
        "left": [{**one._asdict(), "severity": one.severity.value} for one in result.left],
    }
