"""What a command of an app ends with.

Owns: exit codes: 0 after a graceful stop; 1 when the app failed, with the reason on standard error; 2 for a
wrong command line or configuration.
Must not know: commands.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from streamz_core.errors import Misuse, StreamzError

if TYPE_CHECKING:
    from collections.abc import Callable

logger: Final = logging.getLogger(__name__)


def exit_with(work: Callable[[], Any]) -> None:
    """Do ``work``; what it raises ends the process, with its reason on standard error."""
    try:
        work()
    except Misuse as error:
        _give_up(error, 2)
    except (StreamzError, TimeoutError, OSError) as error:
        _give_up(error, 1)


def _give_up(error: BaseException, code: int) -> NoReturn:
    logger.debug("the reason", exc_info=error)
    click.echo(f"error: {error}", err=True)
    raise SystemExit(code)
