"""`reconciler schema`."""

from pathlib import Path

import click

from reconciler.domain.errors import EnvironmentFailedError

_NAMES = (
    "manifest", "flow", "output", "approval", "override", "calendar", "move", "config", "findings", "faults", "plan",
    "notification",
)  # fmt: skip


@click.command(name="schema")
@click.argument("name", type=click.Choice(_NAMES), required=False)
@click.option(
    "--write",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write NAME.json, or all of them, into this directory.",
)
def command(name: str | None, directory: Path | None) -> None:
    """
    Print or write the JSON Schemas of manifests.

    `manifest` (the default) is any document, `flow` to `move` one kind of it, `config` the settings file, `findings`
    what `validate --format json` prints, `faults` the file of `relay --faults`, `notification` what a webhook is sent.
    Editors complete and check manifests with a first line such as

        # yaml-language-server: $schema=../schemas/v1/manifest.json
    """
    from reconciler.manifests.schemas import text_of

    if directory is None:
        click.echo(text_of(name or "manifest"), nl=False)
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for one in (name,) if name is not None else _NAMES:
            path = directory / f"{one}.json"
            path.write_text(text_of(one), encoding="utf-8")
            click.echo(f"Wrote {path}", err=True)
    except OSError as error:
        raise EnvironmentFailedError(f"{directory} cannot be written: {error.strerror}.") from error
