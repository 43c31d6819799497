"""`reconciler resume`."""

from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import resources
from reconciler.cli.options import Options

if TYPE_CHECKING:
    from reconciler.domain.orders import Orders


@click.command(name="resume")
@click.argument("resource", metavar="[RESOURCE]", default="", shell_complete=resources)
@click.option("--all", "everything", is_flag=True, help="Let writes go on that `pause --all` or STATE/HALT stopped.")
@click.pass_obj
def command(options: Options, /, resource: str, *, everything: bool) -> None:
    """
    Take back a pause or a rollback of a resource; with --all, what stopped all writes.

    RESOURCE is flow/NAME or output/FLOW/NAME, as it was paused. Pauses of single resources are taken back one by one.
    """
    from reconciler import wiring
    from reconciler.cli.ordering import is_watched, key_for, told
    from reconciler.domain.errors import ExitStatus
    from reconciler.domain.order_words import given as words
    from reconciler.domain.orders import Halt, Pause, Pin

    settings = options.settings()
    key = key_for(resource, everything=everything, verb="resume")
    book = wiring.orders(settings)
    kinds = (Halt,) if key is None else (Pause, Pin)
    lifted = [order for kind in kinds if (order := book.lift(kind, key)) is not None]
    left = book.read()
    stays = key is None and left.halt is not None
    writes = "One order to stop all writes is taken back, given" if stays else "Writes go on that were stopped"
    for order in lifted:
        told(settings, order, "lifted")
        what = {Halt: writes, Pause: f"{key} is resumed, which was paused"}
        said = what.get(type(order), f"{key} follows its manifest again, and was rolled back")
        click.echo(f"{said}{words(order.given)}. {is_watched(settings)}", err=True)
    if key is None and left.halt is not None:
        # No command gave what cannot be read, so none takes it back.
        click.echo(f"All writes stay stopped{words(left.halt.given)}.", err=True)
        raise click.exceptions.Exit(ExitStatus.ALL_FAILED)
    if not lifted:
        what_not = "Nothing has stopped all writes" if key is None else f"{key} is neither paused nor rolled back"
        click.echo(f"{what_not}{_others(left)}", err=True)
        raise click.exceptions.Exit(ExitStatus.ALL_FAILED)


def _others(orders: "Orders") -> str:
    """Say what else is ordered, for whoever meant that."""
    from reconciler.domain.order_words import sentences

    return "".join(f"\n  {each}" for each in sentences(orders)) or "; nothing is ordered beside git."
