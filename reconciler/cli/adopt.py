"""`reconciler adopt`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.formats.json import dumped
from reconciler.cli.invocation import Invocation
from reconciler.cli.options import Options, backend_options, form_option
from reconciler.domain.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from reconciler.domain.adoptions import Adopted, Adoption
    from reconciler.domain.model import Key
    from reconciler.engine.adopt import Survey
    from reconciler.engine.apply import Execution
    from reconciler.engine.world import World
    from reconciler.settings import Settings


@click.command(name="adopt")
@click.argument("words", nargs=-1, metavar="[RESOURCE]... [PATH]...")
@click.option("--all", "is_all", is_flag=True, help="Everything that the manifests describe.")
@click.option("--send-secrets", is_flag=True, help="Send running flows the manifests' secrets where they are masked.")
@form_option
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@backend_options
@click.pass_obj
def command(options: Options, /, words: tuple[str, ...], *, form: str, **more: Any) -> None:
    """
    Take over what manifests describe and nobody keeps yet, after asking: only marks are written.

    RESOURCE is flow/NAME, with its outputs, or output/FLOW/NAME; PATH is a manifest or a directory of them. Objects are
    found by region and live name. What differs from its manifest stays as it is, and `plan` shows it next.
    """
    from reconciler.cli import logs
    from reconciler.cli.asking import may_ask
    from reconciler.cli.asynchronous import one_shot

    is_all, sends, is_approved = more.pop("is_all"), more.pop("send_secrets"), more.pop("auto_approve")
    chosen, paths = _parted(words)
    if is_all == bool(chosen):
        raise UsageError("Say what to adopt: flow/NAME or output/FLOW/NAME, as often as needed, or --all")
    if not is_approved and not may_ask():
        raise UsageError("`adopt` asks before it writes, and there is no terminal to ask on; say --auto-approve")
    settings = options.settings(**more)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    here = Invocation.of(options, paths, **more)
    terms = _Terms(
        chosen=None if is_all else chosen,
        sends_secrets=sends,
        asks=not is_approved,
        form=form,
        then=here.saying("plan"),
    )
    raise click.exceptions.Exit(one_shot(_adopt(settings, paths, terms)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What was asked for on the command line."""

    chosen: "AbstractSet[Key] | None"
    sends_secrets: bool
    asks: bool
    form: str
    then: str
    """The command that says what is left to do."""


def _parted(words: tuple[str, ...]) -> "tuple[AbstractSet[Key], tuple[Path, ...]]":
    """Return the resources and the paths; a path that looks like a resource is written ./flow/NAME."""
    from reconciler.domain.model import key_of

    keys = {word: key_of(word) for word in words}
    chosen = {key for key in keys.values() if key is not None}
    return chosen, tuple(Path(word) for word, key in keys.items() if key is None)


async def _adopt(settings: "Settings", paths: tuple[Path, ...], terms: _Terms) -> ExitStatus:
    from reconciler import wiring
    from reconciler.cli.asking import agrees
    from reconciler.engine.adopt import survey

    async with wiring.existing_world(settings, paths) as world:
        click.echo(f"Backend: {world.backend.name}", err=True)
        found = await survey(world, chosen=terms.chosen, sends_secrets=terms.sends_secrets)
        _show_findings(found)
        if found.adoption is None:
            click.echo("Nothing was written: the manifests have errors.", err=True)
            return ExitStatus.FINDINGS
        for line in _table(found.adoption):
            click.echo(line, err=True)
        count = len(found.adoption.adopted)
        if count and terms.asks and not await agrees(f"Write {count} marks?"):
            click.echo("Nothing was written.", err=True)
            return ExitStatus.ALL_FAILED
        return await _written(world, found, found.adoption, terms)


def _show_findings(found: "Survey") -> None:
    from reconciler.cli import render

    for line in render.tree(found.tree):
        click.echo(line, err=True)


def _table(adoption: "Adoption") -> Iterator[str]:
    """Yield a line for each object that is taken over, with what a plan will say of it; and for what is not."""
    from reconciler.cli.formats.values import safe

    rows = [(str(one.edit.key), _live(one), str(one.state), _next(one)) for one in adoption.adopted]
    if rows:
        head = ("RESOURCE", "ON THE BACKEND", "FLOW", "THEN `plan` SAYS")
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(3)]
        for row in (head, *rows):
            cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=False))
            yield f"{'  '.join(cells)}  {row[3]}".rstrip()
    for refused in adoption.refused:
        yield f"{click.style(f'! not adopted {refused.key}', fg='yellow', bold=True)}: {safe(refused.why)}"
    parts = [f"{len(adoption.adopted)} to adopt", f"{len(adoption.already)} ours already"]
    parts += [f"{len(adoption.refused)} refused"] if adoption.refused else []
    parts += [f"{len(adoption.absent)} not on the backend, which `apply` makes"] if adoption.absent else []
    yield f"{', '.join(parts)}."


def _live(adopted: "Adopted") -> str:
    from reconciler.cli.formats.values import safe

    return f"{safe(adopted.edit.found.live_name)} ({adopted.edit.at.region})"


def _next(adopted: "Adopted") -> str:
    from reconciler.cli.formats.values import safe, shown

    changes = [f"{one.path} {shown(one.found)} -> {shown(one.wanted)}" for one in adopted.differences]
    changes += [f"failed: {safe(adopted.unresolved)}"] if adopted.unresolved else []
    sent = ["(secrets are sent with the mark)"] if adopted.sends_secrets else []
    return " ".join(["; ".join(changes) or "nothing", *sent])


async def _written(world: "World", found: "Survey", adoption: "Adoption", asked: _Terms) -> ExitStatus:
    from reconciler.cli import render
    from reconciler.engine.adopt import take_over
    from reconciler.engine.apply import Outcome, Terms

    def tell(outcome: Outcome) -> None:
        if outcome.why:
            click.echo(render.outcome_line(outcome), err=True)

    execution = await take_over(world, found, terms=Terms(on_outcome=tell))
    held = tuple(one.held for one in execution.outcomes if one.held is not None)
    # What a calendar holds back is refused, and not failed.
    adoption = replace(adoption, refused=(*adoption.refused, *held))
    execution = replace(execution, outcomes=tuple(one for one in execution.outcomes if one.held is None))
    if execution.refused is not None:
        click.secho(f"error: {execution.refused}", err=True, fg="red")
    if asked.form == "json":
        click.echo(dumped(_json(adoption, execution)))
    else:
        click.echo(f"{_total(adoption, execution)} `{asked.then}` says what is left to do.")
    return _status(adoption, execution)


def _json(adoption: "Adoption", execution: "Execution") -> dict[str, Any]:
    from reconciler.engine.apply import Result

    done = [one for one in execution.outcomes if one.result is Result.DONE]
    undone = [one for one in execution.outcomes if one.result is not Result.DONE]
    return {
        "version": 1,
        "adopted": [{"resource": str(one.change.key), "request_ids": list(one.request_ids)} for one in done],
        "failed": [{"resource": str(one.change.key), "error": one.why} for one in undone],
        "refused": [{"resource": str(one.key), "why": one.why} for one in adoption.refused],
        "already": [str(key) for key in adoption.already],
        "absent": [str(key) for key in adoption.absent],
    }


def _total(adoption: "Adoption", execution: "Execution") -> str:
    from reconciler.engine.apply import Result

    done = sum(outcome.result is Result.DONE for outcome in execution.outcomes)
    failed = len(execution.outcomes) - done
    parts = [f"Adopted: {done}", *([f"{failed} not done"] if failed else [])]
    parts += [f"{len(adoption.refused)} refused"] if adoption.refused else []
    return f"{', '.join(parts)}."


def _status(adoption: "Adoption", execution: "Execution") -> ExitStatus:
    from reconciler.engine.apply import Result

    if execution.refused is not None:
        return execution.refused.exit_status
    if any(outcome.result is not Result.DONE for outcome in execution.outcomes):
        return ExitStatus.SOME_FAILED if execution.progressed else ExitStatus.ALL_FAILED
    return ExitStatus.BLOCKED if adoption.refused else ExitStatus.OK
