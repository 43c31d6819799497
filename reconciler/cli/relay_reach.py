"""Options of `reconciler relay` that say where its engines may connect to, and whom they trust there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from reconciler.relay.reach import Reach, authorities_in

_OPTIONS: Final = (
    click.option(
        "--deny-destination",
        "denied",
        multiple=True,
        metavar="CIDR",
        help="Addresses that nothing is sent to nor pulled from; repeat it for more. Link-local addresses, where "
        "clouds keep credentials, and the relay itself are denied always.",
    ),
    click.option(
        "--ca-file",
        "ca_files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Certificates (PEM) that an rtmps:// server may be signed by, beside those that this machine trusts.",
    ),
)


def reach_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which hands what they say to `reach_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def reach_of(denied: tuple[str, ...], ca_files: tuple[Path, ...]) -> Reach:
    """
    Return what the options say.

    Raises:
        UsageError: what is to be denied is no CIDR.
        EnvironmentFailedError: a file holds no certificate.

    """
    return Reach(denied=denied, authorities=authorities_in(ca_files))
