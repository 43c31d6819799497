"""What `reconciler export` leaves behind: files or one stream, secrets where asked for, a list of what to do."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.audit import record_reveal
from reconciler.cli.formats.values import safe
from reconciler.cli.invocation import Invocation
from reconciler.domain.errors import EnvironmentFailedError, UsageError
from reconciler.domain.exporting import ToSet
from reconciler.domain.secrets import SecretSource

if TYPE_CHECKING:
    from reconciler.engine.export import Text, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are written."""

    out: Path | None
    """None for stdout."""
    secrets: Path | None
    """None where the values of secrets stay where they are."""
    state: Path
    """Where it is recorded that values of secrets were written."""
    here: Invocation
    """How the next commands are said, about what was written."""


def kept(written: "Written", places: Places, *, backend: str, looked_up_in: Path | None) -> None:
    """
    Write the export, and say on stderr what it is and what is to be done.

    Raises:
        UsageError: a file is there already; then nothing is written.
        EnvironmentFailedError: something cannot be written.

    """
    from reconciler import wiring

    writer = wiring.writer()
    texts = {
        f"{text.exported.flow.key.name}.yaml": writer.file(text.documents, head=tuple(_head(text, backend)))
        for text in written.texts
    }
    told = [secret for secret in written.export.secrets if secret.value is not None]
    _demand_free([places.out / name for name in texts] if places.out is not None else [])
    if places.secrets is not None:
        _demand_free([places.secrets / secret.ref.name for secret in told])
        _keep_secrets(told, places.secrets, places.state)
    if places.out is None:
        click.echo("---\n".join(texts.values()), nl=False)
    else:
        _keep_files(texts, places.out)
    for line in (*_summary(written, places), *_left_to_do(written, places, looked_up_in)):
        click.echo(line, err=True)


def _head(text: "Text", backend: str) -> Iterator[str]:
    """Yield the comment of a file. It says no time, so that the same account gives the same bytes."""
    flow = text.exported.flow
    yield f"Written by `reconciler export` from {backend}."
    yield f"The flow {flow.live_name!r} in {flow.spec.region}."
    if text.exported.secrets:
        yield "Secrets that it refers to; none of their values is here:"
    for secret in text.exported.secrets:
        yield f"  {secret.ref}  {secret.path} of {secret.key}"


def _demand_free(paths: Sequence[Path]) -> None:
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if there:
        names = ", ".join(there[:8]) + (", …" if there[8:] else "")
        raise UsageError(f"Nothing was written, for there is {names} already. Choose another directory.")


def _keep_files(texts: dict[str, str], out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (out / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise EnvironmentFailedError(f"{out} cannot be written: {error.strerror}.") from error


def _keep_secrets(told: Sequence[ToSet], directory: Path, state: Path) -> None:
    """Write each value into a file of its own (0600), and record for each that it was."""
    now = datetime.now(UTC)
    for secret in told:
        record_reveal(state, f"{secret.key} {secret.path} into {directory / secret.ref.name}", now)
    try:
        # What is above is closed to others, too: it is the state directory, as a rule.
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        for secret in told:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(directory / secret.ref.name, flags, 0o600), "w", encoding="utf-8") as file:
                # One newline at the end is taken off again when it is looked up.
                file.write(f"{secret.value.reveal() if secret.value is not None else ''}\n")
    except OSError as error:
        raise EnvironmentFailedError(f"{directory} cannot be written: {error.strerror}.") from error


def _summary(written: "Written", places: Places) -> Iterator[str]:
    outputs = sum(len(text.exported.outputs) for text in written.texts)
    flows = sum(text.exported.is_written for text in written.texts)
    files = _many(len(written.texts), "file")
    where = f"{files} in {places.out}" if places.out is not None else "stdout"
    yield f"Wrote {_many(flows, 'flow')} and {_many(outputs, 'output')} to {where}."
    for region in written.unreadable:
        yield f"! not read: region {safe(region)}"
    for one in written.export.left_out:
        yield f"! left out: {safe(one.what)}: {safe(one.why)}"


def _left_to_do(written: "Written", places: Places, looked_up_in: Path | None) -> Iterator[str]:
    secrets = written.export.secrets
    to_set = [secret for secret in secrets if secret.value is None or secret.ref.source is SecretSource.ENV]
    if places.secrets is not None:
        told = sum(secret.value is not None for secret in secrets)
        yield f"Wrote {_many(told, 'secret')} into {places.secrets}."
        if looked_up_in is None or looked_up_in.resolve() != places.secrets.resolve():
            yield f"Secrets are looked up in {looked_up_in}: set secrets.dir to {places.secrets}, or move the files."
    if to_set:
        yield "To be set before `plan` and `apply` (docs/owning.md says where each is found):"
    for secret in to_set:
        why = "  (the backend does not tell it)" if secret.value is None else ""
        yield f"  {secret.ref}  {secret.path} of {secret.key}{why}"
    if written.texts:
        first = replace(places.here, backend=()).saying("validate")
        yield f"Next: `{first}`, then `{places.here.saying('adopt', '--all')}`, then `{places.here.saying('plan')}`."


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
