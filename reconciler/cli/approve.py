"""`reconciler approve`."""

from pathlib import Path

import click

from reconciler.cli.completing import resources
from reconciler.cli.options import Options


@click.command(name="approve")
@click.argument("resource", metavar="RESOURCE", shell_complete=resources)
@click.argument("action", metavar="ACTION")
@click.argument("change", metavar="ID")
@click.option("--reason", required=True, help="Why it may be noticed; it is recorded.")
@click.option("--expires", required=True, metavar="SPAN", help="How long it holds from now on: 30m, 2h, 1d.")
@click.option(
    "--sign-with",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="SSH key that signs it, where the setting guard.approvers asks for that.",
)
@click.pass_obj
def command(options: Options, /, resource: str, action: str, change: str, **terms: str | Path | None) -> None:
    """
    Print an Approval of one change, to be committed beside the manifests.

    RESOURCE, ACTION and ID are those that `reconciler plan` prints. No backend is asked. `reconciler apply --approve`
    approves at once instead, without a document.
    """
    from reconciler import wiring
    from reconciler.cli.addresses import address_of
    from reconciler.cli.approving import Terms, approval_of

    given = Terms(reason=str(terms["reason"]), expires=str(terms["expires"]), key=_path(terms["sign_with"]))
    approval = approval_of(options.settings(), address_of(resource), action, change, given)
    click.echo(wiring.writer().approval(approval), nl=False)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)
