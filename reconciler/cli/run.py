"""`reconciler run`."""

import asyncio
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.invocation import Invocation
from reconciler.cli.options import Options, backend_options, branch_options, demand_one_source, paths_argument
from reconciler.domain.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from reconciler.cli.interruption import Interruption
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.settings import Settings


@click.command(name="run")
@paths_argument
@click.option("--once", is_flag=True, help="Pass once and end, for cron; the exit status says what came of it.")
@click.option("--observe", is_flag=True, help="Look and report, and never send anything.")
@click.option(
    "--demo",
    is_flag=True,
    help="Publish a test signal to every input that waits, receive every output, and show what arrives; with --once, "
    "until every output has delivered. Secrets that the manifests name by file are made up where they are missing.",
)
@branch_options
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Serve health, metrics and an API there, while it runs.  [default: nowhere]",
)
@backend_options
@click.pass_obj
def command(
    options: Options, /, paths: tuple[Path, ...], *, once: bool, observe: bool, demo: bool, **backend: Any
) -> None:
    """
    Watch the manifests and keep the account as they say.

    With no configuration it starts the embedded relay, which carries the streams on this machine. Ctrl-C ends it
    gracefully; while that relay has something on air, the first one on a terminal only says what. Streams of a cloud
    account go on.
    """
    from reconciler.cli import logs
    from reconciler.cli.for_ever import Start, for_ever
    from reconciler.cli.interruption import interruptible

    demand_one_source(paths, backend["git"])
    listen = backend.pop("listen")
    if listen is not None and (once or demo):
        raise UsageError("--listen is for a loop that goes on: neither with --once nor with --demo")
    settled = partial(options.settings, **backend, listen=listen)
    settings, here = settled(), Invocation.of(options, paths, **backend)
    if demo and observe:
        raise UsageError("--demo carries streams, and --observe sends nothing: one or the other")
    if demo:
        raise click.exceptions.Exit(asyncio.run(_demo(settings, paths, options, once=once, here=here)))
    logs.configure(settings.log_format, color=options.use_color, spared=logs.OF_CALLS)
    if once:
        raise click.exceptions.Exit(
            interruptible(lambda asked: _once(settings, paths, asked, observe=observe, here=here))
        )
    asyncio.run(for_ever(Start(settings=settings, paths=paths, observes=observe, here=here, again=settled)))


async def _once(
    settings: "Settings", paths: tuple[Path, ...], interruption: "Interruption", *, observe: bool, here: Invocation
) -> ExitStatus | int:
    from reconciler import wiring
    from reconciler.cli import render, statuses
    from reconciler.cli.for_ever import say_where
    from reconciler.engine.apply import Terms
    from reconciler.engine.guard.facts import Mode
    from reconciler.engine.plan import Target, read_tree
    from reconciler.engine.reconcile import passing, reconcile
    from reconciler.engine.telling import Teller

    async with wiring.session(_unserved(settings), paths, apply=here.saying("apply"), observes=observe) as session:
        say_where(session)
        tree = await read_tree(session.world)
        for line in render.tree(tree):
            click.echo(line, err=True)
        good = Target.of(tree, Mode.OBSERVE if observe else Mode.ONCE)
        teller = Teller(session.world, observes=observe)
        teller.tree(tree, good)
        if good is None:
            return ExitStatus.FINDINGS
        terms = Terms(on_outcome=teller.change, hold=interruption.hold, cut=interruption.cut)
        with passing(session.world, good) as target:
            with interruption.finishing(_say_stopping):
                outcome = await reconcile(session.world, target, terms=terms)
            teller.passed(outcome, target)
        _show(outcome, observe=observe)
        if session.relay is not None:
            _say_it_ends(here)
        ended = statuses.of_plan(outcome.left, detailed=False) if observe else statuses.of_pass(outcome)
        return interruption.status or ended


async def _demo(
    settings: "Settings", paths: tuple[Path, ...], options: Options, *, once: bool, here: Invocation
) -> ExitStatus:
    from reconciler import wiring
    from reconciler.cli import logs, render
    from reconciler.cli.asynchronous import on_signals
    from reconciler.cli.demo import Demonstration, console_for, make_missing_secrets
    from reconciler.cli.for_ever import say_where
    from reconciler.engine.validate import validate

    wiring.demand_paths(settings, paths)
    tree = await validate(wiring.source(settings, paths), wiring.reader(settings))
    for line in render.findings(tree.findings):
        click.echo(line, err=True)
    if tree.desired is None:
        return ExitStatus.FINDINGS
    for made in make_missing_secrets(tree.desired, settings.secrets.dir):
        click.echo(f"Made up a secret: {made}", err=True)
    console = console_for(color=options.use_color)
    with logs.written_to(settings.state / "run.log" if console.is_terminal else None, settings.log_format):
        async with wiring.session(_unserved(settings), paths, apply=here.saying("apply")) as session:
            say_where(session)
            demonstration = Demonstration(session, console=console, once=once)
            with on_signals(demonstration.stop, signal.SIGINT, signal.SIGTERM):
                return await demonstration.run()


def _unserved(settings: "Settings") -> "Settings":
    """Return the settings of a run that is over before anybody asks: it takes no port from one that goes on."""
    return replace(settings, service=replace(settings.service, listen=None))


def _show(outcome: "PassOutcome", *, observe: bool) -> None:
    from reconciler.cli import render
    from reconciler.cli.formats.commands import tell

    tell(render.plan_text(outcome.left) if observe else render.outcome_text(outcome))


def _say_it_ends(here: Invocation) -> None:
    goes_on = replace(here, paths=(), backend=()).saying("relay")
    click.echo(
        "The relay of this pass ends with it: nothing is carried any more. Streams go on with "
        f"`{here.saying('run')}`, or with `{goes_on}`, which `apply` and `plan` then use.",
        err=True,
    )


def _say_stopping() -> None:
    click.echo("Stopping: finishing what is in flight; once more to stop waiting.", err=True)
