"""`reconciler version`."""

import click

from reconciler import __version__


@click.command(name="version")
def command() -> None:
    """Print the version."""
    click.echo(f"reconciler {__version__}")
