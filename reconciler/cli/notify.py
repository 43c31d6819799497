"""`reconciler notify`."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.asynchronous import one_shot
from reconciler.cli.options import Options
from reconciler.domain.errors import ExitStatus

if TYPE_CHECKING:
    from reconciler.notifying.posting import Sink


@click.group(name="notify")
def command() -> None:
    """Try out who is told when something changes; docs/notifications.md says how that is set up."""


@command.command()
@click.argument("sink", required=False, default="", metavar="[SINK]")
@click.pass_obj
def test(options: Options, /, sink: str) -> None:
    """
    Send one test message to each sink of the settings, or to SINK alone, and say what came of it.

    Chat and mail get a message that says that it is a test; a forge gets a status of the newest commit of the default
    branch, beside the real one. Ends with 1 where one of them was not told.
    """
    from reconciler import wiring

    chosen = wiring.sinks(options.settings(), sink)
    troubles = one_shot(_tried(chosen))
    if any(troubles):
        raise click.exceptions.Exit(ExitStatus.ALL_FAILED)


async def _tried(sinks: "tuple[Sink[Any], ...]") -> list[str]:
    """Return of each sink why it was not told, "" where it was, and print what came of it."""
    return await asyncio.gather(*map(_try, sinks))


async def _try(sink: "Sink[Any]") -> str:
    from reconciler.notifying.failures import UndeliveredError
    from reconciler.notifying.posting import attempted

    try:
        done = await attempted(sink.test())
    except UndeliveredError as error:
        click.echo(f"{sink.name}: not told: {error}")
        return str(error)
    click.echo(f"{sink.name}: {done}")
    return ""
