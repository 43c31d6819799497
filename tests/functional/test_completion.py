"""`reconciler completion`: what shells complete, asked of real ones."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.functional.conftest import Shop

ASK: Final = """\
source /dev/stdin <<< "$(reconciler completion bash)"
complete -p reconciler >/dev/null || exit 9
COMP_WORDS=(reconciler "$@")
COMP_CWORD=$#
_reconciler_completion reconciler
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Return the folder, with the command on the path as people have it."""
    program = shop.folder / "bin" / "reconciler"
    program.parent.mkdir()
    root = Path(__file__).parents[2]
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m reconciler "$@"\n')
    program.chmod(0o755)
    shop.environment["PATH"] = f"{program.parent}{os.pathsep}{shop.environment['PATH']}"
    return shop


def completed(shop: Shop, *words: str) -> list[str]:
    """Return what bash offers for the last of the words."""
    asked = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", *words],
        cwd=shop.folder, env=shop.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (asked.returncode, asked.stderr) == (0, "")
    return asked.stdout.split()


def test_bash_completes_verbs_options_and_names(shop: Shop) -> None:
    """Names are those of the manifests that the settings mean; where they cannot be read there are none."""
    assert completed(shop, "do") == ["doctor"]
    assert completed(shop, "plan", "--det") == ["--detailed-exitcode"]
    assert completed(shop, "why", "") == ["flow/news", "output/news/tower"]
    assert completed(shop, "why", "output/") == ["output/news/tower"]
    assert completed(shop, "signal", "n") == ["news"]
    (shop.folder / "other.yaml").write_text("source: {paths: [elsewhere]}\n")
    assert completed(shop, "--config", "other.yaml", "why", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_is_valid_in_its_shell(shop: Shop, shell: str) -> None:
    """Asked of the shell itself, where it is there."""
    said = shop.command("completion", shell)

    assert (said.returncode, said.stderr) == (0, "")
    assert "_RECONCILER_COMPLETE" in said.stdout
    if shutil.which(shell):
        script = shop.folder / "script"
        script.write_text(said.stdout)
        subprocess.run([shell, "-n", script], check=True, timeout=60)
