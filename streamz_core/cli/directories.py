"""How the verbs that work on files find a data directory: a path, with or without a slash or ``file://``.

Owns: text to path, and refusing a directory that is not one of ours.
Must not know: any verb.
"""

from __future__ import annotations

import os

from streamz_core.cli.connection import require_directory
from streamz_core.cli.options import OptionError
from streamz_core.client import address as addresses
from streamz_core.log.files import DiskFiles


def any_path(text: str) -> str:
    """The absolute path of a directory, there or not; a plain name can be nothing but a path here."""
    return DiskFiles().real_path(os.path.expanduser(_address(text).path))


def directory_path(text: str) -> str:
    """The path of a data directory as it was written; raises ``CommandError`` if there is none."""
    address = _address(text)
    require_directory(address, "give the path of one")
    return os.path.expanduser(address.path)


def _address(text: str) -> addresses.FileAddress:
    is_name = "/" not in text and ":" not in text
    try:
        parsed = addresses.parse(os.path.join(".", text) if is_name else text)
    except addresses.AddressError as error:
        raise OptionError(str(error)) from error
    if not isinstance(parsed, addresses.FileAddress):
        raise OptionError(f"{text!r} is no data directory: write a path or file://path")
    return parsed
