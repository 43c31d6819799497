"""`reconciler plan`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Options, backend_options, form_option, paths_argument

if TYPE_CHECKING:
    from reconciler.engine.plan import Preview
    from reconciler.settings import Settings


@click.command(name="plan")
@paths_argument
@form_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes (for CI).")
@backend_options
@click.pass_obj
def command(
    options: Options, /, paths: tuple[Path, ...], *, form: str, detailed_exitcode: bool, **backend: Any
) -> None:
    """
    Show what `apply` would send now, and send nothing.

    PATH is a manifest or a directory of them; without any, what the settings say, else manifests/.
    """
    from reconciler.cli import logs, statuses
    from reconciler.cli.asynchronous import one_shot

    settings = options.settings(**backend)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    preview, name = one_shot(_preview(settings, paths))
    _show(preview, form=form, backend=name)
    raise click.exceptions.Exit(statuses.of_preview(preview, detailed=detailed_exitcode))


async def _preview(settings: "Settings", paths: tuple[Path, ...]) -> "tuple[Preview, str]":
    from reconciler import wiring
    from reconciler.engine.plan import preview

    async with wiring.existing_world(settings, paths) as world:
        click.echo(f"Backend: {world.backend.name}", err=True)
        return await preview(world), world.backend.name


def _show(preview: "Preview", *, form: str, backend: str) -> None:
    from reconciler.cli import render

    for line in render.findings(preview.tree.verdict.findings):
        click.echo(line, err=True)
    if form == "json":
        document = render.plan_json(preview, backend=backend)
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif preview.plan is None:
        click.echo("No plan: the manifests have errors, and nothing may be changed before they are mended.", err=True)
    else:
        for line in render.plan_text(preview.plan):
            click.echo(line)
