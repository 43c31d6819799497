"""
What systemd is told of this process, in datagrams to the socket that it names (`sd_notify(3)`).

A few lines of socket code in the place of a library: nothing is built, and nothing is sent where nobody listens.
"""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

_US_PER_S: Final = 1_000_000
_ABSTRACT: Final = "@"
_MAX_STATUS: Final = 200
"""Characters of a status; systemd shows it in one line."""


class Systemd:
    """Implements `ports.supervision.Supervisor`; where nothing listens, nothing is done."""

    def __init__(
        self, environment: Mapping[str, str], *, pid: int, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """
        Read where systemd listens.

        Args:
            environment: with NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, where systemd set them.
            pid: of this process.
            monotonic_ns: returns CLOCK_MONOTONIC, as systemd reads it itself.

        """
        self._address: Final = _address(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog_s: Final = _watchdog_s(environment, pid) if self._address else None
        self._monotonic_ns: Final = monotonic_ns

    @property
    def watchdog_s(self) -> float | None:
        """Return what WatchdogSec= says."""
        return self._watchdog_s

    def ready(self, status: str) -> None:
        """Send READY=1."""
        self._send("READY=1", _status(status))

    def tell(self, status: str) -> None:
        """Send STATUS=."""
        self._send(_status(status))

    def alive(self) -> None:
        """Send WATCHDOG=1."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Send RELOADING=1, with the time by which systemd tells this reload from an earlier one."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """Send STOPPING=1."""
        self._send("STOPPING=1", _status(status))

    def extend(self, seconds: float) -> None:
        """Send EXTEND_TIMEOUT_USEC=."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * _US_PER_S)}")

    def _send(self, *fields: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            ) as sender:
                sender.connect(self._address)
                sender.send("\n".join(fields).encode())
        except OSError:
            # systemd is gone or does not read: it acts by itself then, and the streams matter more.
            return


def _address(named: str) -> str:
    """Return where to send; "" where nobody listens, or by other means than a Unix socket."""
    if named.startswith(_ABSTRACT):
        return "\0" + named[1:]
    return named if named.startswith("/") else ""


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return the time within which this process is to say that it is well; WATCHDOG_PID may mean another one."""
    if environment.get("WATCHDOG_PID") not in {None, "", str(pid)}:
        return None
    try:
        period_us = int(environment.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return period_us / _US_PER_S if period_us > 0 else None


def _status(text: str) -> str:
    """Return the field of a status: one line of printable characters, or it would be more than one field."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return f"STATUS={line[:_MAX_STATUS]}"
