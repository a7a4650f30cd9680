"""``streamz completion``: what a shell needs to complete verbs, options, and names of topics and groups.

Owns: the shells and where each wants the script.
Must not know: verbs; click's own completion asks them.
"""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

_PLACES: Final = {
    "bash": "~/.local/share/bash-completion/completions/streamz",
    "zsh": "in ~/.zshrc, behind compinit: source <(streamz completion zsh)",
    "fish": "~/.config/fish/completions/streamz.fish",
}
VARIABLE: Final = "_STREAMZ_COMPLETE"


@click.command("completion", epilog="; ".join(f"{shell}: {place}" for shell, place in _PLACES.items()))
@click.argument("shell", type=click.Choice(sorted(_PLACES)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that has SHELL complete verbs, options, topics and groups; put it where SHELL looks for such."""
    kind = get_completion_class(shell)
    assert kind is not None, f"click knows {shell}"
    click.echo(kind(context.find_root().command, {}, "streamz", VARIABLE).source())
