"""`reconciler apply`."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.approving import approval_options
from reconciler.cli.formats.json import dumped
from reconciler.cli.invocation import Invocation
from reconciler.cli.options import (
    Options,
    backend_options,
    branch_options,
    demand_one_source,
    form_option,
    paths_argument,
)
from reconciler.domain.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.cli.interruption import Interruption
    from reconciler.domain.changes import Change, Plan
    from reconciler.domain.policies import Approval
    from reconciler.domain.saved_plans import SavedPlan
    from reconciler.engine.plan import Preview
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.engine.world import World
    from reconciler.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line asks."""

    settings: "Settings"
    paths: tuple[Path, ...]
    saved: "SavedPlan | None"
    """What alone may be carried out; None for whatever is planned now."""
    approvals: "tuple[Approval, ...]"
    """Of the command line."""
    again: str
    """How the command begins that does what is planned by then."""
    form: str
    ask: bool
    color: bool | None

    def configure_logs(self) -> None:
        """Have events written to what is stderr now."""
        from reconciler.cli import logs

        logs.configure(self.settings.log_format, color=self.color, level="warning")


@click.command(name="apply")
@paths_argument
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Carry out this plan of `plan --out`, and nothing else; refused with 6 when it is stale.",
)
@form_option
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@approval_options
@branch_options
@backend_options
@click.pass_obj
def command(options: Options, /, paths: tuple[Path, ...], *, form: str, auto_approve: bool, **more: Any) -> None:
    """
    Make the account as the manifests say, after asking.

    PATH is a manifest or a directory of them; without any, what the settings say, else manifests/. With --plan it is
    what the plan was made of. Ctrl-C finishes the calls in flight and sends no other.
    """
    from reconciler import wiring
    from reconciler.cli.approving import approved
    from reconciler.cli.asking import may_ask
    from reconciler.cli.interruption import interruptible

    plan_file: Path | None = more.pop("plan_file")
    if plan_file is not None and paths:
        raise UsageError("A saved plan says itself which manifests it was made of: give --plan or PATH, not both")
    demand_one_source(paths, more["git"])
    saved = None if plan_file is None else wiring.load_plan(plan_file)
    given = {name: more.pop(name) for name in ("approve", "reason", "expires", "sign_with")}
    settings = options.settings(**more)
    approvals = approved(settings, **given)
    # Last, for whoever is told to say --auto-approve runs it without looking again.
    if not auto_approve and not may_ask():
        raise UsageError("`apply` asks before it sends, and there is no terminal to ask on; say --auto-approve")
    paths = paths if saved is None else tuple(map(Path, saved.paths))
    asked = _Asked(
        settings=settings,
        paths=paths,
        saved=saved,
        approvals=approvals,
        again=Invocation.of(options, paths, **more).saying("apply"),
        form=form,
        ask=not auto_approve,
        color=options.use_color,
    )
    asked.configure_logs()
    raise click.exceptions.Exit(interruptible(lambda interruption: _apply(asked, interruption)))


async def _apply(asked: _Asked, interruption: "Interruption") -> ExitStatus | int:
    from reconciler import wiring
    from reconciler.cli import statuses
    from reconciler.engine.plan import preview

    async with wiring.existing_world(asked.settings, asked.paths, apply=asked.again) as world:
        click.echo(f"Backend: {world.backend.name}", err=True)
        found = await preview(world, approvals=asked.approvals, foresees=asked.saved is None)
        shown = _chosen(asked, found, world)
        _show(shown, asked)
        _tell_astray(asked, shown)
        if shown.plan is None:
            return ExitStatus.FINDINGS
        if shown.plan.changes and asked.ask and not await _agreed(shown.plan):
            click.echo("Nothing was sent.", err=True)
            return ExitStatus.ALL_FAILED
        outcome = await _carry_out(asked, world, shown, interruption)
        _report(outcome, asked, told=shown.plan, backend=world.backend.name)
        return interruption.status or statuses.of_pass(outcome)


def _chosen(asked: _Asked, found: "Preview", world: "World") -> "Preview":
    """Return what is carried out: all that is planned now, or what of it was looked at before."""
    from reconciler.cli.saved import chosen
    from reconciler.domain.safety.releases import said_from_here

    if asked.saved is None or found.plan is None:
        return found
    choice = chosen(asked.saved, found, found.plan, world)
    _tell_beyond(choice.beyond)
    blocked = tuple(said_from_here(item, asked.again) for item in choice.plan.blocked)
    return replace(found, plan=replace(choice.plan, blocked=blocked))


def _tell_beyond(changes: "tuple[Change, ...]") -> None:
    from reconciler.cli.formats.values import named

    if changes:
        names = named([f"{change.action} {change.key}" for change in changes])
        are = "change is" if len(changes) == 1 else "changes are"
        click.echo(f"{len(changes)} more {are} wanted by now, and not sent; plan again for them: {names}", err=True)


def _show(shown: "Preview", asked: _Asked) -> None:
    """Say on stderr what will be sent; what is held back stands in the result, unless somebody is asked before."""
    from reconciler.cli import render
    from reconciler.cli.formats.commands import tell

    for line in render.tree(shown.tree):
        click.echo(line, err=True)
    if shown.plan is None:
        click.echo("Nothing was sent: the manifests have errors.", err=True)
    else:
        is_whole = asked.ask or asked.form == "json"
        lines = render.plan_text(shown.plan, at_head=False) if is_whole else render.changes_text(shown.plan)
        tell(lines, err=True)


def _tell_astray(asked: _Asked, shown: "Preview") -> None:
    from reconciler.cli.approving import astray

    for line in () if shown.plan is None else astray(asked.approvals, shown.plan, is_saved=asked.saved is not None):
        click.secho(line, err=True, fg="yellow")


async def _agreed(plan: "Plan") -> bool:
    """Ask, naming what cannot be taken back and what viewers notice."""
    from reconciler.cli.asking import agrees

    for line in warnings(plan):
        click.echo(line, err=True)
    return await agrees("Send these changes?")


def warnings(plan: "Plan") -> "Iterator[str]":
    """Yield what should be known before saying yes: what is deleted, made anew, or interrupted."""
    from reconciler.domain.changes import Action
    from reconciler.domain.impact import Impact

    for warning, chosen in (
        ("deleted", [change for change in plan.changes if change.action is Action.DELETE]),
        ("made anew, with new addresses", [change for change in plan.changes if change.action is Action.RECREATE]),
        ("interrupted", [change for change in plan.changes if change.impact is Impact.INTERRUPT]),
    ):
        if chosen:
            yield f"  {warning}: {', '.join(dict.fromkeys(str(change.key) for change in chosen))}"


async def _carry_out(asked: _Asked, world: "World", shown: "Preview", interruption: "Interruption") -> "PassOutcome":
    from reconciler.cli.progress import Progress, Teller, console_for
    from reconciler.domain.changes import Plan
    from reconciler.engine.apply import Terms
    from reconciler.engine.guard.facts import Mode
    from reconciler.engine.plan import Target
    from reconciler.engine.reconcile import carry_out
    from reconciler.engine.record import Recorder

    plan = shown.plan or Plan()
    progress = Progress(len(plan.changes), clock=world.clock)
    teller = Teller(progress, console_for(color=asked.color), redirect=asked.configure_logs)
    mode = Mode.SHOWN if asked.saved is None else Mode.SAVED
    target = Target.of(shown.tree, mode, approvals=asked.approvals)
    if target is None:
        msg = "a tree with errors has no plan, and nothing of it is carried out"
        raise ValueError(msg)
    terms = Terms(hold=interruption.hold, on_begin=teller.begin, on_outcome=teller.end, cut=interruption.cut)
    # What waits for a change of a saved plan was not looked at: it is for the next plan.
    later = plan.waiting if asked.saved is not None else ()
    sent = replace(plan, waiting=()) if later else plan
    with interruption.finishing(teller.stopping):
        async with teller.shown():
            outcome = await carry_out(world, target, sent, terms=terms)
    Recorder(world.journal).pass_finished(outcome, pass_id=world.guard.facts.pass_id)
    return replace(outcome, left=replace(outcome.left, waiting=later or outcome.left.waiting))


def _report(outcome: "PassOutcome", asked: _Asked, *, told: "Plan", backend: str) -> None:
    from reconciler.cli import render
    from reconciler.cli.formats.commands import tell

    if outcome.refused is not None:
        click.secho(f"error: {outcome.refused}", err=True, fg="red")
    if asked.form == "json":
        click.echo(dumped(render.outcome_json(outcome, backend=backend)))
    else:
        # Whoever was asked has just read what is held back; a file that stdout is has to stand alone.
        seen = told if asked.ask and sys.stdout.isatty() else None
        tell(render.outcome_text(outcome, told=seen))
