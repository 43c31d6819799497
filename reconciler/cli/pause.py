"""`reconciler pause`."""

import click

from reconciler.cli.completing import resources
from reconciler.cli.options import Options


@click.command(name="pause")
@click.argument("resource", metavar="[RESOURCE]", default="", shell_complete=resources)
@click.option("--all", "everything", is_flag=True, help="Stop all writes, of everything, until they are resumed.")
@click.option("--reason", required=True, help="Why; it is shown wherever the pause is, and recorded.")
@click.option(
    "--for",
    "span",
    metavar="SPAN",
    help="How long: 30m, 2h, 1d; then it ends by itself.  [default: 4h; with --all until `resume --all`]",
)
@click.option("--author", help="Who orders it.  [default: who is logged in, and this machine]")
@click.pass_obj
def command(options: Options, /, resource: str, *, everything: bool, **terms: str | None) -> None:
    """
    Write nothing for a resource for a while; with --all, write nothing at all from this second on.

    RESOURCE is flow/NAME or output/FLOW/NAME; a flow is paused with its outputs. What runs goes on running. `run`,
    `apply` and `adopt` on this state directory keep to it, also after a restart. Whoever cannot run this stops all
    writes with `touch STATE/HALT`.
    """
    from reconciler import wiring
    from reconciler.cli.ordering import Wish, given, is_watched, key_for, told
    from reconciler.domain.order_words import given as words

    settings = options.settings()
    key = key_for(resource, everything=everything, verb="pause")
    wish = Wish(key=key, reason=terms["reason"] or "", span=terms["span"], author=terms["author"])
    order = given(wish, now=wiring.clock().now())
    wiring.orders(settings).give(order)
    told(settings, order, "given")
    what = "All writes are stopped" if key is None else f"{key} is paused"
    click.echo(f"{what}{words(order.given)}. {is_watched(settings)}", err=True)
