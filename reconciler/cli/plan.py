"""`reconciler plan`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.formats.commands import tell
from reconciler.cli.formats.json import dumped
from reconciler.cli.invocation import Invocation
from reconciler.cli.options import Options, backend_options, branch_options, demand_one_source, paths_argument
from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.engine.plan import Preview
    from reconciler.settings import Settings


@click.command(name="plan")
@paths_argument
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="The form of the result on stdout; markdown: one comment of a pull request.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes (for CI).")
@click.option(
    "--base", metavar="REV", help="Compare with the manifests of this commit, branch or tag, and ask no backend."
)
@click.option("--head", metavar="REV", help="With --base: this commit's manifests.  [default: those of the files]")
@click.option("--live", is_flag=True, help="With --base: ask the backend all the same, and tell drift apart.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the plan, too, for `apply --plan FILE`; it holds no secret and no value.",
)
@branch_options
@backend_options
@click.pass_obj
def command(options: Options, /, paths: tuple[Path, ...], *, form: str, detailed_exitcode: bool, **more: Any) -> None:
    """
    Show what `apply` would send now, and send nothing.

    PATH is a manifest or a directory of them; without any, what the settings say, else manifests/. With --base it is
    what one commit changes after another one, which needs neither a backend nor credentials.
    """
    from reconciler import wiring
    from reconciler.cli import logs, statuses
    from reconciler.cli.asynchronous import one_shot

    base, head, is_live = more.pop("base"), more.pop("head"), more.pop("live")
    out: Path | None = more.pop("out")
    _demand_sense(base=base, out=out, wants_more=head is not None or is_live)
    demand_one_source(paths, more["git"])
    settings, here = options.settings(**more), Invocation.of(options, paths, **more)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    if base is not None:
        from reconciler.cli import plan_between

        if more["git"] is not None:
            raise UsageError("--base compares commits of the repository here, and --git is another one: leave it out")
        paths = paths or wiring.paths_here(settings)
        asked = plan_between.Asked(
            settings=settings, paths=paths, base=base, head=head, is_live=is_live, apply=here.saying("apply")
        )
        plan = plan_between.show(asked, form)
    else:
        preview, name = one_shot(_preview(settings, paths, out, here))
        _show(preview, form=form, backend=name)
        plan = preview.plan
    raise click.exceptions.Exit(statuses.of_plan(plan, detailed=detailed_exitcode))


def _demand_sense(*, base: str | None, out: Path | None, wants_more: bool) -> None:
    if base is None and wants_more:
        raise UsageError("--head and --live are for comparing: give --base REV, too.")
    if base is not None and out is not None:
        raise UsageError("--out saves what apply would send now, and --base compares commits: give one of them.")
    if out is not None:
        from reconciler.cli.saved import demand_place

        demand_place(out)


async def _preview(
    settings: "Settings", paths: tuple[Path, ...], out: Path | None, here: Invocation
) -> "tuple[Preview, str]":
    from reconciler import wiring
    from reconciler.engine.plan import preview

    async with wiring.existing_world(settings, paths, apply=here.saying("apply")) as world:
        click.echo(f"Backend: {world.backend.name}", err=True)
        found = await preview(world)
        if out is not None and found.plan is not None:
            from reconciler.cli import saved

            saved.write(out, saved.kept(found, found.plan, world, paths or settings.paths))
            click.echo(f"Saved: {out}, for {replace(here, paths=()).saying('apply', '--plan', str(out))}", err=True)
        return found, world.backend.name


def _show(preview: "Preview", *, form: str, backend: str) -> None:
    from reconciler.cli import render

    for line in render.tree(preview.tree):
        click.echo(line, err=True)
    if form == "json":
        document = render.plan_json(preview, backend=backend)
        click.echo(dumped(document))
    elif form == "markdown":
        from reconciler.cli.formats.comment import Comparison, comment

        told = Comparison(
            plan=preview.plan, title=f"What apply would send to {backend}.", findings=preview.tree.verdict.findings
        )
        click.echo(comment(told), nl=False)
    elif preview.plan is None:
        click.echo("No plan: the manifests have errors, and nothing may be changed before they are mended.", err=True)
    else:
        tell(render.plan_text(preview.plan))
