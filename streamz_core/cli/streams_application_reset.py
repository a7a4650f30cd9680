"""``streamz streams-application-reset``: Kafka's tool by its name.

Owns: that it does what it says at once, unless ``--dry-run`` is given, as Kafka's does.
Must not know: what a reset consists of (``app.reset``).
"""

from __future__ import annotations

from typing import Any

import click

from streamz_core.app.reset_options import reset_options
from streamz_core.cli.app import reset_application
from streamz_core.cli.connection import admin_options
from streamz_core.cli.foreign_options import refused


@click.command("streams-application-reset")
@admin_options
@click.option("--application-id", metavar="ID", required=True, help="The application.")
@refused(
    "--intermediate-topics", because="there are none: delete such a topic, or read it anew by --input-topics"
)
@reset_options
def command(address: str, application_id: str, **given: Any) -> None:
    """Have a stopped application begin anew, at once; with --dry-run, show what that is.

    Its input is read from the earliest record, its own topics and its stores are deleted.
    """
    reset_application(
        application_id, address, given, execute=not given["dry_run"], remedy="leave --dry-run out"
    )
