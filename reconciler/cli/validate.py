"""`reconciler validate`."""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli.options import Options, paths_argument
from reconciler.domain.errors import EnvironmentFailedError, ExitStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reconciler.cli.formats.report import Report
    from reconciler.ports.source import ManifestFile
    from reconciler.settings import Settings


@click.command(name="validate")
@paths_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github", "junit"]),
    default="text",
    show_default=True,
    help="The form of the findings on stdout; github: annotations of a workflow, the rest in the step's summary.",
)
@click.option(
    "--changed-since",
    "since",
    metavar="REV",
    help="Tell only what was not wrong at this commit, branch or tag; everything is checked all the same.",
)
@click.option(
    "--secrets-env",
    multiple=True,
    metavar="PATTERN",
    help="Environment variables that manifests may name; repeatable.  [default: the setting secrets.env, STREAM_*]",
)
@click.pass_obj
def command(
    options: Options, /, paths: tuple[Path, ...], *, form: str, since: str | None, secrets_env: tuple[str, ...]
) -> None:
    """
    Say what is wrong in manifests, at file, line and column.

    PATH is a manifest or a directory of them; without any, what the settings say, else manifests/. Rules between
    documents see all of them together. Nothing is asked of anybody, and no secret is resolved. Ends with 3 when there
    are errors among what is told; warnings alone end with 0.
    """
    from reconciler import wiring
    from reconciler.cli.formats.report import summary
    from reconciler.domain.findings import has_errors

    settings = options.settings(secrets_env=secrets_env)
    if wiring.is_followed(settings, paths) and since is None:
        from reconciler.cli import logs

        logs.configure(settings.log_format, level="warning")
    else:
        # What is compared with a commit is what is here, wherever it is usually taken from.
        paths = paths or wiring.paths_here(settings)
    wiring.demand_paths(settings, paths)
    report = _report(settings, paths, since)
    for line in _FORMS[form](report):
        click.echo(line)
    click.echo(summary(report), err=True)
    if has_errors(report.findings):
        raise click.exceptions.Exit(ExitStatus.FINDINGS)


def _report(settings: "Settings", paths: tuple[Path, ...], since: str | None) -> "Report":
    from reconciler import wiring
    from reconciler.cli.formats.report import Report
    from reconciler.domain.fingerprints import new_since

    # What was mended elsewhere since a branch began is not the branch's fault.
    before = wiring.verdict_at(settings, paths, wiring.branch(since).began).findings if since is not None else ()
    # One look and an end: whatever is made lives until then, so that searching it for garbage only costs time.
    gc.disable()
    try:
        files = wiring.files(paths) if paths else _fetched(settings)
        reader = wiring.manifest_reader(settings)
        verdict = reader.read(files)
    finally:
        gc.freeze()
        gc.enable()
    findings = verdict.findings if since is None else new_since(before, verdict.findings)
    return Report(
        findings=findings,
        excused=verdict.excused,
        files=tuple(file.path for file in files),
        flows=len(verdict.desired.flows) if verdict.desired is not None else None,
        outputs=len(verdict.desired.outputs) if verdict.desired is not None else None,
        known=len(verdict.findings) - len(findings),
        since=since or "",
        source_of=reader.source_of,
    )


def _fetched(settings: "Settings") -> "tuple[ManifestFile, ...]":
    from reconciler import wiring
    from reconciler.cli.asynchronous import one_shot

    return one_shot(wiring.source(settings).snapshot()).files


def _text(report: "Report") -> "Iterable[str]":
    from reconciler.cli.formats import text

    return text.lines(report, with_source=sys.stdout.isatty())


def _json(report: "Report") -> "Iterable[str]":
    from reconciler.cli.formats import json

    return (json.text(report),)


def _sarif(report: "Report") -> "Iterable[str]":
    from reconciler.cli.formats import sarif

    return (sarif.text(report),)


def _junit(report: "Report") -> "Iterable[str]":
    from reconciler.cli.formats import junit

    return (junit.text(report),)


def _github(report: "Report") -> "Iterable[str]":
    from reconciler import wiring
    from reconciler.cli.formats import github

    page = wiring.step_summary()
    if page is not None:
        try:
            with page.open("a", encoding="utf-8") as file:
                file.write(github.step_summary(report))
        except OSError as error:
            raise EnvironmentFailedError(f"The step's summary {page} cannot be written: {error.strerror}.") from error
    yield from github.commands(report)
    if github.left_out(report):
        # Whoever reads the log sees all of it; what is no annotation is no command either.
        yield from github.quoted(map(str, report.findings), wiring.token())


_FORMS: "Final[Mapping[str, Callable[[Report], Iterable[str]]]]" = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
    "junit": _junit,
}
