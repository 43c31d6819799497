"""`reconciler doctor`."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Options, backend_options, form_option, paths_argument
from reconciler.domain.errors import ExitStatus

if TYPE_CHECKING:
    from reconciler.ports.checks import Sign
    from reconciler.settings import Settings


@click.command(name="doctor")
@paths_argument
@form_option
@backend_options
@click.pass_obj
def command(options: Options, /, paths: tuple[Path, ...], *, form: str, **backend: Any) -> None:
    """
    Say whether everything is there that `run` needs, one line each, and what to do where it is not.

    Nothing is changed anywhere. Of the account only reads are tried: whether writes are allowed cannot be told without
    writing. 0 where all is well or only warned of; else the status of the worst failure, such as 7 for a backend that
    is not reached or refuses the keys.
    """
    from reconciler.cli import doctor_view, logs
    from reconciler.cli.asynchronous import one_shot
    from reconciler.engine.examine import status_of

    settings = options.settings(**backend)
    # What fails is told in its own line, and not a second time by the log.
    logs.configure(settings.log_format, color=options.use_color, level="error")
    signs = one_shot(_signs(settings, paths, color=options.use_color))
    if form == "json":
        click.echo(doctor_view.document(signs))
    else:
        for line in doctor_view.text(signs):
            click.echo(line, color=options.use_color)
    status = status_of(signs)
    if status is not ExitStatus.OK:
        raise click.exceptions.Exit(status)


async def _signs(settings: "Settings", paths: Sequence[Path], *, color: bool | None) -> "tuple[Sign, ...]":
    from reconciler import wiring
    from reconciler.engine.examine import examine
    from reconciler.ports.checks import ok

    async with wiring.checks(settings, paths) as checks:
        with _waiting([check.about for check in checks], color=color) as on_end:
            found = await examine(checks, clock=wiring.clock(), on_end=on_end)
    kind = settings.backend.kind
    meant = "none is chosen, so the relay on this machine" if kind is None else kind
    return (ok("settings", f"they can be read; backend: {meant}"), *found)


@contextlib.contextmanager
def _waiting(abouts: Sequence[str], *, color: bool | None) -> Iterator[Callable[[str], None]]:
    """Show what is still looked at, where there is a terminal; lend what is told of each that is over."""
    from reconciler.cli.progress import console_for

    console, left = console_for(color=color), list(abouts)

    def said() -> str:
        return f"looking at {', '.join(left)}"

    if console is None:
        yield left.remove
        return
    with console.status(said()) as status:

        def on_end(about: str) -> None:
            left.remove(about)
            status.update(said())

        yield on_end
