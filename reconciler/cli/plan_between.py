"""What `reconciler plan --base REV` shows: the changes from one commit's manifests to another's."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler import wiring
from reconciler.cli import render
from reconciler.cli.asynchronous import one_shot
from reconciler.cli.formats.commands import tell
from reconciler.cli.formats.comment import Comparison, comment
from reconciler.cli.formats.json import dumped
from reconciler.cli.formats.values import named
from reconciler.engine.compare import Compared, compare, compare_live

if TYPE_CHECKING:
    from reconciler.domain.changes import Plan
    from reconciler.ports.source import Verdict
    from reconciler.settings import Settings

_SHORT: Final = 12
"""Characters of a commit's id that people are shown."""
_NO_PLAN: Final = "No plan: the manifests have errors, and nothing may be changed before they are mended."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks."""

    settings: "Settings"
    paths: tuple[Path, ...]
    base: str
    head: str | None
    """None for the files as they are."""
    is_live: bool
    apply: str
    """How people call that verb from here, for a shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is shown."""

    branch: wiring.Branch
    base: "Verdict"
    """Where the branch began."""
    head: "Verdict"
    compared: Compared
    title: str
    backend: str = ""
    """"" when none was asked."""


def show(asked: Asked, form: str) -> "Plan | None":
    """Show the changes, and return their plan; None when the manifests have errors."""
    found = one_shot(_found_live(asked)) if asked.is_live else _found(asked)
    for line in render.findings(found.head.findings):
        click.echo(line, err=True)
    if form == "json":
        click.echo(dumped(_document(asked, found)))
    elif form == "markdown":
        click.echo(comment(_comparison(found)), nl=False)
    else:
        _show_text(found)
    return found.compared.plan


def _found(asked: Asked) -> _Found:
    branch, base, head = _verdicts(asked)
    capabilities = wiring.capabilities(asked.settings)
    compared = compare(base, head, capabilities=capabilities)
    return _Found(branch=branch, base=base, head=head, compared=compared, title=_title(asked, branch))


async def _found_live(asked: Asked) -> _Found:
    branch, base, head = _verdicts(asked)
    now = base if branch.began == branch.base else wiring.verdict_at(asked.settings, asked.paths, branch.base)
    async with wiring.existing_world(asked.settings, asked.paths, apply=asked.apply) as world:
        click.echo(f"Backend: {world.backend.name}", err=True)
        compared = await compare_live(world, base, head, now=now)
        name = world.backend.name
    title = f"{_title(asked, branch)}, at {name}"
    return _Found(branch=branch, base=base, head=head, compared=compared, title=title, backend=name)


def _verdicts(asked: Asked) -> "tuple[wiring.Branch, Verdict, Verdict]":
    branch = wiring.branch(asked.base, asked.head or "HEAD")
    base = wiring.verdict_at(asked.settings, asked.paths, branch.began)
    if asked.head is not None:
        return branch, base, wiring.verdict_at(asked.settings, asked.paths, branch.head)
    return branch, base, wiring.verdict_now(asked.settings, asked.paths)


def _title(asked: Asked, branch: wiring.Branch) -> str:
    head = _named(asked.head, branch.head) if asked.head is not None else "the files as they are"
    return f"From {_named(asked.base, branch.base)} to {head}"


def _named(revision: str, commit: str) -> str:
    short = commit[:_SHORT]
    return short if commit.startswith(revision) else f"{revision} ({short})"


def _notes(found: _Found) -> list[str]:
    notes = []
    if not found.branch.is_related:
        notes.append("The base and the head have no commit in common, so all that they differ in is told.")
    if found.branch.began != found.branch.base:
        notes.append(
            f"The base has commits that the head lacks. What is told is what the head changes since they parted, at "
            f"{found.branch.began[:_SHORT]}."
        )
    if found.base.desired is None:
        notes.append("The manifests that are compared with have errors; their broken documents count as absent.")
    noticed = [str(change.key) for change in found.compared.noticed]
    if noticed:
        notes.append(
            f"Viewers would notice these, so each waits until it is off air, or for an approval: {named(noticed)}."
        )
    return notes


def _comparison(found: _Found) -> Comparison:
    return Comparison(
        plan=found.compared.plan,
        title=found.title,
        findings=found.head.findings,
        notes=_notes(found),
        drift=found.compared.drift,
    )


def _show_text(found: _Found) -> None:
    for note in _notes(found):
        click.echo(note, err=True)
    if found.compared.plan is None:
        click.echo(_NO_PLAN, err=True)
        return
    tell(render.plan_text(found.compared.plan))
    if found.compared.drift is not None and found.compared.drift.changes:
        click.echo("\nDrift, which is put right whether this is merged or not:")
        tell(render.plan_text(found.compared.drift))


def _document(asked: Asked, found: _Found) -> dict[str, object]:
    compared = found.compared
    return {
        "version": 1,
        "base": asked.base,
        "head": asked.head,
        "began": found.branch.began,
        "backend": found.backend or None,
        "findings": [str(finding) for finding in found.head.findings],
        **render.plan_document(compared.plan),
        "noticed": [str(change.key) for change in compared.noticed],
        "drift": None if compared.drift is None else [render.change_json(one) for one in compared.drift.changes],
    }
