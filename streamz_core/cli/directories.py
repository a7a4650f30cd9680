"""How the verbs that work on files find a data directory: a path, with or without a slash or ``file://``.

Owns: text to absolute path, and refusing a directory that is not one of ours.
Must not know: any verb.
"""

from __future__ import annotations

import click

from streamz_core.cli.connection import require_directory
from streamz_core.client import address as addresses
from streamz_core.log.files import DiskFiles


def any_path(text: str) -> str:
    """The absolute path of a directory, there or not."""
    parsed = addresses.parse(text if "/" in text else f"./{text}")
    if not isinstance(parsed, addresses.FileAddress):
        raise click.UsageError(f"{text!r} is no directory")
    return DiskFiles().real_path(parsed.path)


def directory_path(text: str) -> str:
    """The absolute path of a data directory; raises ``CommandError`` if there is none."""
    path = any_path(text)
    require_directory(path)
    return path
