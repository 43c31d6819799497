"""The command `reconciler`: global options, lazily loaded verbs, and what every failure tells the shell."""

import contextlib
import errno
import importlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import click

from reconciler import __version__
from reconciler.cli.options import Options
from reconciler.domain.errors import ExitStatus, ReconcilerError

VERBS: Final[Mapping[str, str]] = {
    "validate": "Say what is wrong in manifests, at file, line and column.",
    "plan": "Show what would change, why, and what viewers would notice.",
    "apply": "Make the account as the manifests say, after asking.",
    "approve": "Print an Approval of one change, to be committed beside the manifests.",
    "run": "Watch the manifests and keep the account as they say.",
    "pause": "Write nothing for a resource for a while; with --all, stop all writes at once.",
    "resume": "Take back a pause or a rollback.",
    "rollback": "Keep a resource as an older revision has it, for a while.",
    "export": "Write manifests of what a live account has.",
    "adopt": "Take over what manifests describe and nobody keeps yet, without touching media.",
    "relay": "Serve the embedded relay on its own.",
    "status": "Show how flows and outputs are doing, and what went wrong last.",
    "history": "Show what was sent, and what came of it.",
    "events": "Show what was decided and learnt.",
    "why": "Say why a resource is as it is: manifest, findings, guard, last call, next try.",
    "notify": "Try out who is told when something changes.",
    "calendar": "Show which windows of calendars are open, and what opens next.",
    "signal": "Publish a test picture and a tone to a flow's input.",
    "probe": "Receive from an output and measure.",
    "init": "Write a first working tree, with comments.",
    "explain": "Say what a property or a rule means, with its unit, range and default.",
    "schema": "Print or write the JSON Schemas of manifests.",
    "doctor": "Say whether everything is there that a run needs, and what to do where it is not.",
    "completion": "Print what makes a shell complete verbs, options and names.",
    "version": "Print the version.",
}
"""Every verb and its short help: kept here so that `--help` imports none of them."""

_NO_ROOM: Final = (
    "error: nothing more could be written, for the disk that takes the output, or the one with the state, is full. "
    "What was sent until then stays sent, and `reconciler history` lists it. Make room, and run it again."
)

INTERRUPTED: Final = 130
"""A one-shot verb cut short by Ctrl-C: 128 + SIGINT, as shells say it."""


class _Boundary(contextlib.AbstractContextManager[None]):
    """Turns whatever leaves a verb into one line on stderr and an exit status."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        match error:
            case None | SystemExit() | GeneratorExit():
                return
            case ReconcilerError():
                from reconciler.domain.findings import fit

                lines = [fit(line) for line in str(error).split("\n")]
                click.echo("\n".join(("error: " + lines[0], *lines[1:])), err=True)
                sys.exit(error.exit_status)
            case click.UsageError():
                _placed(error).show()
                sys.exit(ExitStatus.USAGE)
            case click.ClickException():
                error.show()
                sys.exit(ExitStatus.ALL_FAILED)
            case OSError(errno=errno.ENOSPC | errno.EDQUOT):
                click.echo(_NO_ROOM, err=True)
                sys.exit(ExitStatus.ALL_FAILED)
            case KeyboardInterrupt() | click.Abort():
                click.echo("Interrupted.", err=True)
                sys.exit(INTERRUPTED)
            case _:
                click.echo(bug_report(error), err=True)
                sys.exit(ExitStatus.BUG)


def _placed(error: click.UsageError) -> click.UsageError:
    """Return the error; of an option that goes before the verb, say just that."""
    name = error.option_name if isinstance(error, click.NoSuchOption) else ""
    given = next((each for each in cli.params if name in {*each.opts, *each.secondary_opts}), None)
    if not isinstance(given, click.Option) or error.ctx is None:
        return error
    value = "" if given.is_flag else " VALUE"
    verb = error.ctx.command_path.partition(" ")[2]
    said = f"{name} goes before the verb: reconciler {name}{value} {verb} …"
    return click.UsageError(said, ctx=error.ctx)


def bug_report(error: BaseException) -> str:
    """Return what people may send us of a bug: places and kinds, never messages or values, which may hold secrets."""
    links = _chain(error)
    frames = [frame for link in links for frame in traceback.extract_tb(link.__traceback__)]
    places = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    kinds = ", from ".join(type(link).__name__ for link in links)
    return (
        f"This is a bug in reconciler, not a mistake of yours: {kinds} at\n{places}\n"
        f"Please report it with these lines; they hold no values. Nothing more was sent to the backend."
    )


def _chain(error: BaseException) -> list[BaseException]:
    """Return the failure and what it came from: the first of a group, and every cause."""
    links = [error]
    while (cause := _cause(links[-1])) is not None and cause not in links:
        links.append(cause)
    return links


def _cause(error: BaseException) -> BaseException | None:
    return error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__


class Verbs(click.Group):
    """A group that imports a verb's module, `reconciler.cli.VERB`, when that verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the verbs, in the order of a day's work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Return the verb's command; None when there is no such verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is asked for; of a slip, say which one is likely meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from reconciler.domain.rules.nearest import did_you_mean

            ctx.fail(f"There is no verb {args[0]!r}; {did_you_mean(args[0], VERBS) or 'the help lists them all.'}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """Write the list of verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and leave with the verb's exit status."""
        extra["standalone_mode"] = False
        with _Boundary():
            status = super().main(*args, **extra)
            sys.exit(status if isinstance(status, int) else ExitStatus.OK)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(__version__, message="reconciler %(version)s")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The settings file.  [default: reconciler.yaml in the working directory, when it is there]",
)
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), help="The state directory.  [default: .reconciler]"
)
@click.option("--color/--no-color", default=None, help="Colours; by default on a terminal, unless NO_COLOR is set.")
@click.option(
    "--log-format", type=click.Choice(["json", "text"]), help="How events are written.  [default: text on a terminal]"
)
@click.pass_context
def cli(
    ctx: click.Context, config: Path | None, state: Path | None, *, color: bool | None, log_format: str | None
) -> None:
    """Keep a StreamLink account as its manifests say, and never cut a live stream by mistake."""
    ctx.obj = Options(config=config, state=state, color=color, log_format=log_format)
    ctx.color = ctx.obj.use_color


def main() -> None:
    """Run the command line; the entry point of the package."""
    cli(prog_name="reconciler")
