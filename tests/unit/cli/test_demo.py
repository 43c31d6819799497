"""The table of `make run`, and the secrets that it makes up."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reconciler.cli.audience import Row
from reconciler.cli.demo import make_missing_secrets, table
from reconciler.domain.model import Desired, Encryption, OutputKey, Srt
from reconciler.domain.secrets import SecretRef, SecretSource
from reconciler.media.probe import Reception, ReceptionState
from tests.builders import output

ROWS = (
    Row(
        key=OutputKey("studio", "platform"),
        protocol="RTMP_PUSH",
        state="Connected",
        reception=Reception(
            state=ReceptionState.RECEIVING,
            frames=12345,
            bitrate_bps=980_000,
            codec="h264",
            width=640,
            height=360,
            fps=25,
        ),
    ),
    Row(
        key=OutputKey("studio", "monitor"),
        protocol="SRT listener",
        state="Waiting",
        reception=Reception(last_error="the connection was refused: [nothing] listens there"),
    ),
)


def shown(width: int) -> list[str]:
    """Return the lines that a terminal of this width shows."""
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(table(ROWS))
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_but_the_picture_gives_way(width: int) -> None:
    """A terminal has 80 columns; what matters is whole, and each output has one line."""
    _, _, platform, monitor = shown(width)

    assert platform.split()[:6] == ["studio/platform", "RTMP_PUSH", "Connected", "0.98", "Mb/s", "12345"]
    assert monitor.split()[:4] == ["studio/monitor", "SRT", "listener", "Waiting"]


def test_a_reason_is_text() -> None:
    """Brackets in it are no markup."""
    assert "[nothing] listens there" in shown(160)[-1]


def test_made_up_secrets_are_ours_alone(tmp_path: Path) -> None:
    """And so is the state directory that they are the first thing in."""
    made_for = output()
    assert isinstance(made_for.spec.settings, Srt)
    ref = SecretRef(source=SecretSource.FILE, name="tower")
    encrypted = replace(made_for.spec.settings, encryption=Encryption(key_length=16, passphrase=ref))
    desired = Desired(outputs=(replace(made_for, spec=replace(made_for.spec, settings=encrypted)),))

    (made,) = make_missing_secrets(desired, tmp_path / "state" / "secrets")

    assert [each.stat().st_mode & 0o777 for each in (made, made.parent, made.parent.parent)] == [0o600, 0o700, 0o700]
