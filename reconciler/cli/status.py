"""`reconciler status`."""

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.completing import resources
from reconciler.cli.options import Options, backend_options, form_option
from reconciler.domain.errors import BackendError, ExitStatus, UsageError

if TYPE_CHECKING:
    from reconciler.cli.health import Overview
    from reconciler.ports.backend import Backend
    from reconciler.settings import Settings

REFRESH_S: Final = 2.0
"""Between two looks with `--watch`."""
_CLEAR: Final = "\x1b[2J"
_HOME: Final = "\x1b[H"
_WIPE_LINE: Final = "\x1b[K"
_WIPE_BELOW: Final = "\x1b[J"


@click.command(name="status")
@click.argument("resource", required=False, default="", metavar="[FLOW|RESOURCE]", shell_complete=resources)
@form_option
@click.option("--watch", is_flag=True, help="Look again every 2 s until Ctrl-C.")
@click.option(
    "--reveal", metavar="RESOURCE", help="Print the one URL of flow/NAME or output/FLOW/NAME whole; it is recorded."
)
@backend_options
@click.pass_obj
def command(options: Options, /, resource: str, *, form: str, watch: bool, reveal: str | None, **backend: Any) -> None:
    """
    Show how flows and outputs are doing: state, bitrate, round trip, loss, peers, and the last error in words.

    Keys in URLs are masked. FLOW is flow/NAME or NAME; RESOURCE is output/FLOW/NAME, too. With --reveal, one URL is
    printed ready for a player or an encoder, and STATE/audit.log says who asked for it.
    """
    from reconciler.cli import logs
    from reconciler.cli.asynchronous import one_shot

    settings = options.settings(**backend)
    logs.configure(settings.log_format, color=options.use_color, level="info" if reveal else "warning")
    if reveal is not None:
        if watch or resource or form != "text":
            raise UsageError("--reveal prints one URL and nothing else: it takes no other resource, --watch or -o")
        click.echo(one_shot(_revealed(settings, reveal)))
        return
    screen = _Screen(form=form, color=options.use_color)
    raise click.exceptions.Exit(
        one_shot(_watch(settings, resource, screen) if watch else _once(settings, resource, screen))
    )


async def _once(settings: "Settings", resource: str, screen: "_Screen") -> ExitStatus:
    from reconciler import wiring

    async with wiring.existing_backend(settings) as backend:
        _say_where(settings, backend)
        view = await _look(settings, backend, resource)
        screen.show(view, backend.name, _ordered(settings))
        return _status(view)


async def _watch(settings: "Settings", resource: str, screen: "_Screen") -> ExitStatus:
    from reconciler import wiring
    from reconciler.cli.asynchronous import on_signals
    from reconciler.sources.clock import SystemClock

    stop = asyncio.Event()
    with on_signals(stop.set, signal.SIGINT, signal.SIGTERM):
        async with wiring.existing_backend(settings) as backend:
            _say_where(settings, backend)
            with screen:
                while not stop.is_set():
                    try:
                        screen.show(await _look(settings, backend, resource), backend.name, _ordered(settings))
                    except BackendError as error:
                        # It may be back at the next look; whoever watches wants to see just that.
                        screen.tell(str(error))
                    await SystemClock().wait(stop, REFRESH_S)
    return ExitStatus.OK


def _say_where(settings: "Settings", backend: "Backend") -> None:
    from reconciler import wiring

    click.echo(f"Backend: {backend.name}", err=True)
    if why := wiring.without_media(settings):
        click.echo(f"{why}.", err=True)


def _ordered(settings: "Settings") -> tuple[str, ...]:
    from reconciler import wiring
    from reconciler.domain.order_words import sentences

    return sentences(wiring.orders(settings).read())


async def _look(settings: "Settings", backend: "Backend", resource: str) -> "Overview":
    from reconciler import wiring
    from reconciler.cli.health import overview
    from reconciler.sources.clock import SystemClock

    return await overview(backend, SystemClock(), owner=wiring.owner(settings), wanted=resource)


async def _revealed(settings: "Settings", resource: str) -> str:
    from reconciler import wiring
    from reconciler.cli.audit import record_reveal
    from reconciler.cli.ends import all_flows, flow_named, output_named
    from reconciler.cli.urls import whole_url
    from reconciler.sources.clock import SystemClock

    async with wiring.existing_backend(settings) as backend:
        flows, owner = await all_flows(backend), wiring.owner(settings)
        is_output = "/" in resource.removeprefix("flow/")
        found = (
            output_named(resource, flows, owner=owner).output if is_output else flow_named(resource, flows, owner=owner)
        )
        url = whole_url(found, resource)
    # First the record, then the value: nobody gets one that is not written down.
    record_reveal(settings.state, resource, SystemClock().now())
    return url


def _status(view: "Overview") -> ExitStatus:
    return ExitStatus.BACKEND if view.is_blind else ExitStatus.OK


class _Screen:
    """Where overviews are shown: in place on a terminal within `with`, else one after the other."""

    def __init__(self, *, form: str, color: bool | None) -> None:
        self._form = form
        self._color = color
        self._watches = False

    @property
    def _in_place(self) -> bool:
        return self._watches and self._form == "text" and sys.stdout.isatty()

    def __enter__(self) -> None:
        self._watches = True
        if self._in_place:
            click.echo(_CLEAR, nl=False, color=True)

    def __exit__(self, *_: object) -> None:
        self._watches = False

    def show(self, view: "Overview", backend: str, ordered: "tuple[str, ...]") -> None:
        """Show an overview, under what people have ordered beside git, a sentence each."""
        import shutil

        from reconciler.cli import status_view
        from reconciler.sources.clock import SystemClock

        if self._form == "json":
            document = status_view.document(view, backend=backend, orders=ordered)
            click.echo(json.dumps(document, ensure_ascii=False, indent=None if self._watches else 2))
            return
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        lines = status_view.text(view, now=SystemClock().now(), width=width)
        self._print("\n".join((*status_view.ordered(ordered), *lines)))

    def tell(self, trouble: str) -> None:
        """Say on stderr, or in place, why there is nothing to show."""
        if self._in_place:
            self._print(trouble)
        else:
            click.echo(f"error: {trouble}", err=True)

    def _print(self, text: str) -> None:
        if self._in_place:
            # From the top of a screen of its own; what follows the last line is wiped, line by line and below.
            text = _HOME + text.replace("\n", f"{_WIPE_LINE}\n") + _WIPE_LINE + _WIPE_BELOW
        click.echo(text, color=self._color)
