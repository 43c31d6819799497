"""The wheel is complete: what it installs works without the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest
from hatchling.builders.wheel import WheelBuilder

import reconciler

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, as a release would."""
    built = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    return Path(next(iter(built)))


def test_the_wheel_carries_the_schemas(wheel: Path) -> None:
    """Every schema of the repository is in the wheel, byte for byte."""
    wanted = {path.name: path.read_bytes() for path in (ROOT / "schemas" / "v1").glob("*.json")}

    with zipfile.ZipFile(wheel) as archive:
        found = {
            Path(name).name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("reconciler/schemas/v1/")
        }

    assert wanted
    assert found == wanted


def test_the_wheel_carries_every_module_and_nothing_of_the_tests(wheel: Path) -> None:
    """All the code is there, the marker of its types and its licence too, and nothing else."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "reconciler").rglob("*.py")}

    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert modules | {"reconciler/py.typed", "reconciler/service/openapi.json"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"reconciler"}


def test_what_the_wheel_holds_runs_alone(wheel: Path, tmp_path: Path) -> None:
    """The command answers from an unpacked wheel, far from the repository."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    answered = subprocess.run(
        [sys.executable, "-m", "reconciler", "version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert answered.returncode == 0, answered.stderr
    assert reconciler.__version__ in answered.stdout
