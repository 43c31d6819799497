"""`reconciler completion`."""

from typing import Final

import click

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_RECONCILER_COMPLETE"
"""Set by the scripts when they ask what goes on; click gives it its name."""

_WHERE: Final = """\b
In ~/.bashrc:                 eval "$(reconciler completion bash)"
In ~/.zshrc, after compinit:  eval "$(reconciler completion zsh)"
In ~/.config/fish/config.fish:  reconciler completion fish | source
"""


@click.command(name="completion", epilog=_WHERE)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print what makes a shell complete verbs, options, and the names of flows and outputs in the manifests."""
    from click.shell_completion import get_completion_class

    from reconciler.cli.main import cli

    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(cli, {}, "reconciler", VARIABLE).source())
