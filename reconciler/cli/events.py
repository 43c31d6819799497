"""`reconciler events`."""

import contextlib
from typing import Final

import click

from reconciler.cli.completing import resources
from reconciler.cli.journal_options import limit_option
from reconciler.cli.options import Options, form_option
from reconciler.domain.errors import UsageError

KINDS: Final = (
    "pass.finished",
    "pass.failed",
    "tree.accepted",
    "tree.refused",
    "change.blocked",
    "change.waiting",
    "change.failed",
    "change.unknown",
    "change.abandoned",
    "change.skipped",
    "resource.ready",
    "approval.used",
    "override.used",
    "deletes.withheld",
    "fields.learnt",
    "outcome.settled",
    "trial.passed",
    "trial.failed",
    "order.given",
    "order.lifted",
)
"""Every kind of note, as docs/journal.md explains them."""


@click.command(name="events")
@click.argument("resource", required=False, default="", metavar="[RESOURCE]", shell_complete=resources)
@click.option("--kind", default="", metavar="KIND", help="Only those of this kind, such as change.blocked.")
@limit_option
@form_option
@click.pass_obj
def command(options: Options, /, resource: str, *, kind: str, limit: int, form: str) -> None:
    """
    Show what was decided and learnt; the newest last.

    RESOURCE is flow/NAME or output/FLOW/NAME; docs/journal.md lists the kinds. Nobody is asked: it is read from the
    journal in the state directory.
    """
    from reconciler import wiring
    from reconciler.cli import journal_options, journal_view
    from reconciler.cli.addresses import address_of
    from reconciler.cli.formats.json import dumped

    _demand_kind(kind)
    address = address_of(resource) if resource else ""
    with contextlib.closing(wiring.reading_journal(options.settings())) as reader:
        notes = reader.notes(resource=address, kind=kind, limit=limit)[::-1]
        if not notes:
            what = f"events of the kind {kind}" if kind else "events"
            click.echo(journal_options.nothing(reader, what, address), err=True)
    if form == "json":
        click.echo(dumped(journal_view.notes_document(notes)))
    elif notes:
        journal_options.tell(journal_view.notes_text(notes, journal_options.page()), color=options.use_color)


def _demand_kind(kind: str) -> None:
    """Go on only with a kind that there is: nothing found would read as nothing that happened."""
    if kind and kind not in KINDS:
        from reconciler.domain.rules.nearest import did_you_mean

        hint = did_you_mean(kind, KINDS) or f"there are {', '.join(KINDS)}"
        raise UsageError(f"There is no kind of event {kind}; {hint}")
