"""``streamz worker views:app --workers 4``: short for ``streamz app worker``.

Owns: nothing but the short name.
Must not know: apps.
"""

from __future__ import annotations

from typing import Final

import click

from streamz_core.cli import app

command: Final[click.Command] = app.command.commands["worker"]
