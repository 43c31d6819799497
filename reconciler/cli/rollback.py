"""`reconciler rollback`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import resources
from reconciler.cli.options import Options, paths_argument
from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.domain.model import Key
    from reconciler.settings import Settings


@click.command(name="rollback")
@click.argument("resource", metavar="RESOURCE", shell_complete=resources)
@paths_argument
@click.option("--to", "revision", required=True, metavar="REV", help="The commit, tag or branch whose spec it gets.")
@click.option("--reason", required=True, help="Why; it is shown wherever the resource is, and recorded.")
@click.option(
    "--for", "span", default="24h", show_default=True, metavar="SPAN", help="How long it stays so: 30m, 2h, 1d."
)
@click.option("--author", help="Who orders it.  [default: who is logged in, and this machine]")
@click.pass_obj
def command(options: Options, /, resource: str, paths: tuple[Path, ...], *, revision: str, **terms: str | None) -> None:
    """
    Keep one resource as an older revision has it, whatever its manifest says now, until the time is over.

    RESOURCE is flow/NAME or output/FLOW/NAME. `run` and `apply` on this state directory do so with their next pass, as
    far as the guard lets them. `reconciler resume RESOURCE` takes it back; so does removing the manifest.
    """
    from reconciler import wiring
    from reconciler.cli.ordering import Wish, is_watched, key_for, pin, told
    from reconciler.domain.order_words import given as words

    settings = options.settings()
    key = key_for(resource, everything=False, verb="rollback")
    if key is None:
        raise UsageError("Say what: reconciler rollback output/FLOW/NAME --to REV --reason WHY")
    commit, text = _as_of(settings, paths, key, revision)
    _demand_manifest(settings, paths, key)
    wish = Wish(key=key, reason=terms["reason"] or "", span=terms["span"], author=terms["author"])
    order = pin(wish, revision=commit, manifest=text, now=wiring.clock().now())
    wiring.orders(settings).give(order)
    told(settings, order, "given")
    said = f"{key} is kept as {commit[:12]} has it{words(order.given)}"
    click.echo(f"{said}. {is_watched(settings)}", err=True)


def _demand_manifest(settings: "Settings", paths: tuple[Path, ...], key: "Key") -> None:
    """Go on only where the resource has a manifest now: without one the order would be over at once."""
    from reconciler import wiring

    desired = wiring.verdict_now(settings, paths).desired
    if desired is not None and key not in desired.by_key:
        raise UsageError(
            f"There is no manifest of {key} any more, and a rollback ends with the manifest. To have it back, revert "
            "the commit that took it away; `git log -- PATH` shows which that was."
        )


def _as_of(settings: "Settings", paths: tuple[Path, ...], key: "Key", revision: str) -> tuple[str, str]:
    """Return the commit that a revision names, and the manifests of a resource as they were there."""
    from reconciler import wiring
    from reconciler.cli.render import findings
    from reconciler.domain.model import Flow, Output
    from reconciler.engine.pinning import manifest_of, needed_by, spec_of

    commit, verdict = wiring.verdict_of(settings, paths, revision)
    if verdict.desired is None:
        told = "\n".join(findings(verdict.findings))
        raise UsageError(f"The manifests of {commit[:12]} have errors, and nothing is rolled back to them:\n{told}")
    wanted = verdict.desired.by_key
    found = wanted.get(key)
    if found is None:
        raise UsageError(f"{commit[:12]} has no manifest of {key}; `git log -- PATH` shows when it came and went")
    needed = [wanted[each] for each in needed_by(found)] if isinstance(found, Output) else []
    text = manifest_of(found, [flow for flow in needed if isinstance(flow, Flow)], wiring.writer())
    if spec_of(text, key, wiring.reader(settings)) is None:
        raise UsageError(f"The manifest of {key} as {commit[:12]} has it cannot be read alone, so it cannot be kept")
    return commit, text
