"""This machine and this process: its time, its chance, and its environment."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.ports.clock import Clock
    from reconciler.ports.supervision import Supervisor


def clock() -> "Clock":
    """Return the time."""
    from reconciler.sources.clock import SystemClock

    return SystemClock()


def supervisor() -> "Supervisor":
    """Return who restarts this process when it hangs: systemd, where it listens, else nobody."""
    from reconciler.coordination.systemd import Systemd

    return Systemd(variables(), pid=os.getpid())


def token() -> str:
    """Return a word that nobody can have written beforehand."""
    return secrets.token_hex(16)


def user() -> str:
    """Return who is at work here, such as `anna@studio-7`."""
    import getpass
    import socket

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number without a name.
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def variables() -> Mapping[str, str]:
    """Return the environment of this process, for whoever was given none."""
    return os.environ


def is_proxied(host: str) -> bool:
    """Return whether a proxy of the environment is asked for https to a host."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    return ("https" in proxies or "all" in proxies) and not proxy_bypass(host)


def wants_color(*, environment: Mapping[str, str] | None = None) -> bool | None:
    """Return False where NO_COLOR asks for none (see no-color.org); None leaves it to the terminal."""
    environment = variables() if environment is None else environment
    return False if environment.get("NO_COLOR") else None


def step_summary(*, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the page that a step of GitHub Actions may write for people; None where there is none."""
    named = (variables() if environment is None else environment).get("GITHUB_STEP_SUMMARY", "")
    return Path(named) if named else None
