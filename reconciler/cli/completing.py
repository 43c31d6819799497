"""What a shell offers for the names of flows and outputs: those of the manifests that a verb would read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.domain.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.ports.source import Verdict

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def resources(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the addresses that begin so: `flow/NAME` and `output/FLOW/NAME`."""
    return _begun(begun, (f"{key}" for key in _keys(context)))


def flows(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the names of flows that begin so, with `flow/` before them where that was begun."""
    return _of_kind("flow/", context, begun)


def outputs(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the outputs that begin so, as FLOW/NAME, with `output/` before them where that was begun."""
    return _of_kind("output/", context, begun)


def _of_kind(prefix: str, context: click.Context, begun: str) -> list[str]:
    whole = [key for key in _keys(context) if key.startswith(prefix)]
    bare = [key.removeprefix(prefix) for key in whole]
    return _begun(begun, bare if not begun else (*bare, *whole))


def _begun(begun: str, names: "Iterator[str] | tuple[str, ...] | list[str]") -> list[str]:
    return sorted(name for name in names if name.startswith(begun))


def _keys(context: click.Context) -> Iterator[str]:
    """Yield the address of everything that the manifests describe; nothing where they cannot be read."""
    try:
        verdict = _verdict(context)
    except ReconcilerError:
        # Whoever presses a key wants names or none; the verb itself says what is wrong.
        return
    yield from (str(flow.key) for flow in verdict.sound.flows)
    yield from (str(output.key) for output in verdict.sound.outputs)


def _verdict(context: click.Context) -> "Verdict":
    from reconciler import wiring

    # The group's own options were read, and nothing was made of them yet.
    given = context.find_root().params
    settings = wiring.load_settings(_path(given.get("config")), {"state": given.get("state")})
    return wiring.verdict_now(settings, ())


def _path(given: object) -> Path | None:
    return given if isinstance(given, Path) else None
