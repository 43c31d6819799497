"""`reconciler apply`."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.formats.json import dumped
from reconciler.cli.options import Options, backend_options, form_option, paths_argument
from reconciler.domain.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from reconciler.domain.changes import Plan
    from reconciler.engine.plan import Preview
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.engine.world import World
    from reconciler.settings import Settings


@click.command(name="apply")
@paths_argument
@form_option
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@backend_options
@click.pass_obj
def command(options: Options, /, paths: tuple[Path, ...], *, form: str, auto_approve: bool, **backend: Any) -> None:
    """
    Make the account as the manifests say, after asking.

    PATH is a manifest or a directory of them; without any, what the settings say, else manifests/.
    """
    from reconciler.cli import logs
    from reconciler.cli.asynchronous import one_shot

    if not auto_approve and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("`apply` asks before it sends, and there is no terminal to ask on; say --auto-approve")
    settings = options.settings(**backend)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    raise click.exceptions.Exit(one_shot(_apply(settings, paths, form=form, ask=not auto_approve)))


async def _apply(settings: "Settings", paths: tuple[Path, ...], *, form: str, ask: bool) -> ExitStatus:
    from reconciler import wiring
    from reconciler.cli import statuses
    from reconciler.engine.plan import preview

    async with wiring.existing_world(settings, paths) as world:
        click.echo(f"Backend: {world.backend.name}", err=True)
        shown = await preview(world)
        _show(shown)
        if shown.plan is None:
            return ExitStatus.FINDINGS
        if shown.plan.changes and ask and not _agreed(shown.plan):
            click.echo("Nothing was sent.", err=True)
            return ExitStatus.OK
        outcome = await _carry_out(world, shown)
        _report(outcome, form=form, backend=world.backend.name)
        return statuses.of_pass(outcome)


def _show(shown: "Preview") -> None:
    """Say on stderr what will be sent: the result on stdout is what became of it."""
    from reconciler.cli import render

    for line in render.findings(shown.tree.verdict.findings):
        click.echo(line, err=True)
    if shown.plan is None:
        click.echo("Nothing was sent: the manifests have errors.", err=True)
    else:
        for line in render.plan_text(shown.plan):
            click.echo(line, err=True)


def _agreed(plan: "Plan") -> bool:
    """Ask, naming what cannot be taken back and what viewers notice."""
    click.echo(question(plan), err=True)
    return click.confirm("Send these changes?", default=False, err=True)


def question(plan: "Plan") -> str:
    """Return what should be known before saying yes: what is deleted, made anew, or interrupted."""
    from reconciler.domain.changes import Action
    from reconciler.domain.impact import Impact

    counts = Counter(change.action for change in plan.changes)
    lines = [", ".join(f"{counts[action]} to {action}" for action in Action if counts[action])]
    for warning, chosen in (
        ("deleted", [change for change in plan.changes if change.action is Action.DELETE]),
        ("made anew, with new addresses", [change for change in plan.changes if change.action is Action.RECREATE]),
        ("interrupted", [change for change in plan.changes if change.impact is Impact.INTERRUPT]),
    ):
        if chosen:
            lines.append(f"  {warning}: {', '.join(dict.fromkeys(str(change.key) for change in chosen))}")
    return "\n".join(lines)


async def _carry_out(world: "World", shown: "Preview") -> "PassOutcome":
    from reconciler.cli import render
    from reconciler.domain.changes import Plan
    from reconciler.domain.model import Desired
    from reconciler.engine.apply import Outcome, Terms
    from reconciler.engine.reconcile import Target, carry_out

    def tell(outcome: Outcome) -> None:
        if sys.stderr.isatty() or outcome.why:
            click.echo(render.outcome_line(outcome), err=True)

    target = Target(revision=shown.tree.revision, desired=shown.tree.verdict.desired or Desired())
    return await carry_out(world, target, shown.plan or Plan(), terms=Terms(on_outcome=tell))


def _report(outcome: "PassOutcome", *, form: str, backend: str) -> None:
    from reconciler.cli import render

    if outcome.refused is not None:
        click.secho(f"error: {outcome.refused}", err=True, fg="red")
    if form == "json":
        click.echo(dumped(render.outcome_json(outcome, backend=backend)))
    else:
        for line in render.outcome_text(outcome):
            click.echo(line)
