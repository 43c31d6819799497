"""`reconciler export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.invocation import Invocation
from reconciler.cli.options import Options, backend_options
from reconciler.domain.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from reconciler.domain.exporting import Wish
    from reconciler.engine.export import Written
    from reconciler.settings import Settings


@click.command(name="export")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a file for each flow, NAME.yaml, and never over one that is there.  [default: all on stdout]",
)
@click.option("--flow", "flows", multiple=True, metavar="NAME", help="A flow, by its live name; repeatable.")
@click.option("--all", "scope", flag_value="all", help="What other owners keep, too.")
@click.option("--unmarked", "scope", flag_value="unmarked", help="Only what bears no mark.")
@click.option(
    "--secrets-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the secrets' values there, a file each that you alone can read, and refer to these files.",
)
@backend_options
@click.pass_obj
def command(options: Options, /, out: Path | None, flows: tuple[str, ...], scope: str | None, **more: Any) -> None:
    """
    Write manifests of what a live account has: what is ours, and what bears no mark.

    Secrets are references; what is to be set is listed on stderr and in the files. What manifests cannot say is left
    out and listed, and then the exit status is 4. `reconciler adopt` takes over what was written.
    """
    from reconciler import wiring
    from reconciler.cli import logs
    from reconciler.cli.asynchronous import one_shot
    from reconciler.cli.exported import Places, kept
    from reconciler.domain.exporting import Scope, Wish, secret_prefix
    from reconciler.domain.secrets import SecretSource

    secrets: Path | None = more.pop("secrets_dir")
    here = Invocation.of(options, () if out is None else (out,), **more)
    settings = options.settings(**more)
    logs.configure(settings.log_format, color=options.use_color, level="warning")
    places = Places(out=out, secrets=secrets, state=settings.state, here=here)
    _demand_apart(places.out, places.secrets)
    wish = Wish(
        owner=wiring.owner(settings),
        scope=Scope(scope) if scope is not None else Scope.MINE,
        flows=frozenset(flows),
        secrets=SecretSource.ENV if secrets is None else SecretSource.FILE,
        prefix=secret_prefix(settings.secrets.env),
    )
    written, name = one_shot(_export(settings, wish))
    kept(written, places, backend=name, looked_up_in=settings.secrets.dir)
    raise click.exceptions.Exit(_status(written))


async def _export(settings: "Settings", wish: "Wish") -> "tuple[Written, str]":
    from reconciler import wiring
    from reconciler.engine.export import Tools, export

    tools = Tools(writer=wiring.writer(), reader=wiring.reader(settings))
    async with wiring.existing_backend(settings) as backend:
        click.echo(f"Backend: {backend.name}", err=True)
        return await export(backend, wish, tools, clock=wiring.clock()), backend.name


def _demand_apart(out: Path | None, secrets: Path | None) -> None:
    """Go on only where secrets do not come to lie among manifests, which are put under git."""
    if out is not None and secrets is not None and secrets.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"--secrets-dir {secrets} is within --out {out}, which is for git. Choose a directory outside of it, "
            "best that of the setting secrets.dir."
        )


def _status(written: "Written") -> ExitStatus:
    if written.unreadable:
        return ExitStatus.SOME_FAILED
    return ExitStatus.BLOCKED if any(not one.is_others for one in written.export.left_out) else ExitStatus.OK
