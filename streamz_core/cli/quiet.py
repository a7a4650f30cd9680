"""``--quiet`` of verbs that may take long.

Owns: the option, and when there is a progress bar: at a terminal, unless the output is for a program.
Must not know: any verb; how a bar looks (``progress_bar``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamz_core.progress_bar import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from streamz_core.progress_bar import ProgressBar

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")


def quiet_option(function: FunctionT) -> FunctionT:
    """Add ``--quiet``."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="Draw no progress bar, which only a terminal gets."
    )(function)


def bar_unless(*reasons: bool) -> AbstractContextManager[ProgressBar]:
    """A bar, unless one of ``reasons`` (``--quiet``, ``--json``) speaks against it."""
    return progress_bar(is_wanted=not any(reasons))
