"""The units, judged by systemd itself; `make test` installs it (scripts/setup)."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.acceptance.deploying import DEPLOY, KNOWN, VARIABLES, flat, run

UNITS: Final = DEPLOY / "systemd"
MOST_EXPOSURE: Final = 15
"""Of 100, by `systemd-analyze security`; what is left is the network, which the service is for."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return the units with a program that is there, for systemd looks for it."""
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/reconciler/bin/reconciler", "/bin/true"))
    return tmp_path


def test_systemd_takes_the_units(units: Path) -> None:
    """Without a word, and it finds a fault that is put in."""
    names = ("reconciler.service", "reconciler-once.service", "reconciler-once.timer")
    said = run("systemd-analyze", "verify", *(units / name for name in names))
    assert (said.returncode, said.stdout + said.stderr) == (0, "")

    unit = units / "reconciler.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=strictly"))
    assert "strictly" in run("systemd-analyze", "verify", unit).stderr


@pytest.mark.parametrize("name", ["reconciler.service", "reconciler-once.service"])
def test_the_services_are_exposed_to_little(units: Path, name: str) -> None:
    """By systemd's own measure; without one of the lines they are beyond it."""
    judge = ("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}")
    assert run(*judge, units / name).returncode == 0

    unit = units / name
    unit.write_text(unit.read_text().replace("SystemCallFilter=@system-service\n", ""))
    assert run(*judge, unit).returncode != 0


def test_both_services_are_hardened_alike() -> None:
    """What was added to one and forgotten in the other is found."""
    after = "# hardening: the same in"
    ours, once = ((UNITS / name).read_text() for name in ("reconciler.service", "reconciler-once.service"))

    def hardening(text: str) -> list[str]:
        lines = text[text.index(after) :].split("\n\n", maxsplit=1)[0].splitlines()
        return [line for line in lines if not line.startswith("#")]

    assert hardening(ours) == hardening(once)
    assert len(hardening(ours)) > 20


def test_units_name_settings_that_there_are() -> None:
    """In their environment, and in the examples beside them."""
    texts = [path.read_text() for path in UNITS.rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"RECONCILER_[A-Z_]+[A-Z]", text)}
    example = yaml.safe_load((UNITS / "reconciler.yaml.example").read_text())

    assert named <= VARIABLES
    assert set(flat(example)) <= KNOWN
