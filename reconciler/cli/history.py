"""`reconciler history`."""

import contextlib

import click

from reconciler.cli.completing import resources
from reconciler.cli.journal_options import limit_option
from reconciler.cli.options import Options, form_option


@click.command(name="history")
@click.argument("resource", required=False, default="", metavar="[RESOURCE]", shell_complete=resources)
@limit_option
@form_option
@click.pass_obj
def command(options: Options, /, resource: str, *, limit: int, form: str) -> None:
    """
    Show what was sent, and what came of it; the newest last.

    RESOURCE is flow/NAME or output/FLOW/NAME. A result is done, refused (nothing was changed), unknown (it may have
    been carried out), or open (the process ended while it was sent). Nobody is asked: it is read from the journal in
    the state directory.
    """
    from reconciler import wiring
    from reconciler.cli import journal_options, journal_view
    from reconciler.cli.addresses import address_of
    from reconciler.cli.formats.json import dumped

    address = address_of(resource) if resource else ""
    with contextlib.closing(wiring.reading_journal(options.settings())) as reader:
        calls = reader.calls(resource=address, limit=limit)[::-1]
        if not calls:
            click.echo(journal_options.nothing(reader, "writes", address), err=True)
    if form == "json":
        click.echo(dumped(journal_view.calls_document(calls)))
    elif calls:
        journal_options.tell(journal_view.calls_text(calls, journal_options.page()), color=options.use_color)
