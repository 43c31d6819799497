"""`reconciler validate`."""

import gc
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Options
from reconciler.domain.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from reconciler.domain.findings import Finding
    from reconciler.ports.source import Verdict


@click.command(name="validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form of the findings on stdout.",
)
@click.option(
    "--secrets-env",
    multiple=True,
    metavar="PATTERN",
    help="Environment variables that manifests may name; repeatable.  [default: the setting secrets.env, STREAM_*]",
)
@click.pass_obj
def command(options: Options, /, paths: tuple[Path, ...], *, form: str, secrets_env: tuple[str, ...]) -> None:
    """
    Say what is wrong in manifests, at file, line and column.

    PATH is a manifest or a directory of them; rules between documents see all of them together. Nothing is asked of
    anybody, and no secret is resolved. Ends with 3 when there are errors; warnings alone end with 0.
    """
    _refuse_missing(paths)
    verdict, file_count = _verdict(paths, secrets_env or options.settings().secrets.env)
    lines = [json.dumps(_report(verdict), indent=2, ensure_ascii=False)] if form == "json" else _lines(verdict)
    if lines:
        click.echo("\n".join(lines))
    click.echo(_summary(verdict, file_count), err=True)
    if verdict.desired is None:
        raise click.exceptions.Exit(ExitStatus.FINDINGS)


def _refuse_missing(paths: tuple[Path, ...]) -> None:
    from reconciler.sources.directory import shown
    from reconciler.sources.listing import missing

    absent = missing(paths)
    if absent:
        names = ", ".join(shown(str(path)) for path in absent)
        raise UsageError(f"There is nothing at {names}. Give a manifest, or a directory that holds some.")


def _verdict(paths: tuple[Path, ...], patterns: tuple[str, ...]) -> "tuple[Verdict, int]":
    from reconciler.manifests.reader import ManifestReader
    from reconciler.sources.directory import DirectorySource

    # One look and an end: whatever is made lives until then, so that searching it for garbage only costs time.
    gc.disable()
    try:
        files = DirectorySource(paths).scan().files
        return ManifestReader(secrets_env=patterns).read(files), len(files)
    finally:
        gc.freeze()
        gc.enable()


def _lines(verdict: "Verdict") -> list[str]:
    from reconciler.domain.findings import Severity

    colours = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
    return [click.style(str(finding), fg=colours[finding.weight]) for finding in verdict.findings]


def _report(verdict: "Verdict") -> dict[str, Any]:
    counts = _counts(verdict)
    return {
        "version": 1,
        "errors": counts["error"],
        "warnings": counts["warning"],
        "findings": [_entry(finding) for finding in verdict.findings],
    }


def _entry(finding: "Finding") -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "name": finding.rule.name,
        "severity": str(finding.weight),
        "file": finding.at.file,
        "line": finding.at.line,
        "column": finding.at.column,
        "pointer": finding.pointer,
        "message": finding.message,
        "hint": finding.hint,
    }


def _summary(verdict: "Verdict", file_count: int) -> str:
    counts = _counts(verdict)
    found = f"{_counted(counts['error'], 'error')}, {_counted(counts['warning'], 'warning')}"
    if verdict.desired is None:
        return f"{_counted(file_count, 'file')}: {found}. Every rule is explained in docs/rules.md."
    flows, outputs = len(verdict.desired.flows), len(verdict.desired.outputs)
    return f"{_counted(file_count, 'file')}, {_counted(flows, 'flow')}, {_counted(outputs, 'output')}: {found}."


def _counts(verdict: "Verdict") -> "Counter[str]":
    return Counter(str(finding.weight) for finding in verdict.findings)


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s' * (count != 1)}"
