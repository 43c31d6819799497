"""`run --demo --once`, the main job of `make run`, on the examples of this repository."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.endtoend.commands import DEADLINE_S, Shell

pytestmark = [pytest.mark.anyio, pytest.mark.media]

EXAMPLES = Path(__file__).parents[2] / "manifests"
OUTPUTS = ["field/platform", "field/players", "studio/monitor", "studio/partner", "studio/platform"]


def at_free_ports(text: str, free_port: Callable[[], int]) -> str:
    """Return an example that sends to ports which nobody else uses."""
    return re.sub(r"97\d\d", lambda _: str(free_port()), text)


@pytest.fixture
def examples(tmp_path: Path, free_port: Callable[[], int]) -> Path:
    """Copy the examples."""
    tree = tmp_path / "examples"
    tree.mkdir()
    for path in EXAMPLES.glob("*.yaml"):
        (tree / path.name).write_text(at_free_ports(path.read_text(), free_port))
    return tree


async def test_the_examples_deliver_at_every_far_end(examples: Path, reconciler: Shell) -> None:
    """Every output delivers more than 100 frames, the secrets are made up (0600), and the table says so."""
    # The state directory is relative, as it is by default.
    beside = replace(reconciler, state=Path("state"))

    said = await beside("run", examples, "--demo", "--once")

    frames = {name: int(count) for name, count in re.findall(r"^ (\w+/\w+) .*Mb/s +(\d+)", said.out, re.MULTILINE)}
    made = sorted((reconciler.state / "secrets").iterdir())
    assert said.status == 0, said.everything
    assert sorted(frames) == OUTPUTS
    assert min(frames.values()) > 100
    assert len(made) == 5
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert not [path.name for path in made if path.read_text().strip() in said.everything]


async def test_a_broken_tree_shows_nothing(tmp_path: Path, reconciler: Shell) -> None:
    """Findings end the demonstration before anything is started or made up."""
    tree = tmp_path / "examples"
    tree.mkdir()
    (tree / "flow.yaml").write_text("apiVersion: reconciler/v1\nkind: Flow\n")

    said = await reconciler("run", tree, "--demo", "--once")

    assert said.status == 3
    assert "flow.yaml:1:1: SL" in said.err
    assert not (reconciler.state / "relay.json").exists()


async def test_cut_short_it_blames_no_output(examples: Path, reconciler: Shell) -> None:
    """Somebody who ends it early is told so, and not that outputs failed."""
    process = await reconciler.start("run", examples, "--demo", "--once")
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(DEADLINE_S):
        while b"loop.started" not in said:
            said += await process.stderr.readline()
        process.terminate()
        _, rest = await process.communicate()

    assert process.returncode == 1
    assert b"cut short" in rest
    assert b"delivered 0" not in rest
