"""`rollback` on a real repository: one resource as an older commit has it, and nothing else of that commit."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.errors import ExitStatus
from tests.accidents.house import House
from tests.accidents.manifests import flow, output
from tests.functional.repositories import Manifests, made

pytestmark = pytest.mark.anyio

BOTH = {"news": flow("news") + output("tower", of="news") + output("cdn", of="news")}
LATER = {"news": flow("news") + output("tower", of="news", latency=500) + output("cdn", of="news", latency=500)}


def cloned(house: House, tmp_path: Path) -> tuple[House, Manifests]:
    """Return the house with a tree that is in a repository."""
    repository = made(tmp_path / "repository")
    shell = replace(house.reconciler, home=repository.root)
    return replace(house, tree=repository.root / "manifests", reconciler=shell), repository


async def test_one_output_goes_back_and_comes_forward_again(house: House, tmp_path: Path) -> None:
    """Its sibling stays at the newest commit; the pin is told by a plan; `resume` ends it."""
    house, repository = cloned(house, tmp_path)
    old = repository.commit(**BOTH)
    repository.commit(**LATER)
    assert (await house.apply()).status == ExitStatus.OK

    said = await house.reconciler("rollback", "news/tower", "--to", old[:10], "--reason", "it is dark")
    back = await house.apply()
    during = await house.latencies()
    lifted = await house.reconciler("resume", "news/tower")
    forth = await house.apply()

    assert (said.status, back.status, lifted.status, forth.status) == (0, 0, 0, 0), said.everything + back.everything
    assert f"is kept as {old[:12]} has it" in said.err
    assert during == {"news/tower": 120, "news/cdn": 500}
    assert await house.latencies() == {"news/tower": 500, "news/cdn": 500}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("news/tower", "--to", "nowhere"), "There is no commit 'nowhere' here", id="no such commit"),
        pytest.param(("news/north", "--to", "HEAD"), "has no manifest of output/news/north", id="no such resource"),
        pytest.param(("news/tower", "--to", "broken"), "have errors, and nothing is rolled back", id="broken then"),
        pytest.param(("news/tower", "--to", "--all"), "'--all' is no revision", id="an option is no revision"),
    ],
)
async def test_what_cannot_be_rolled_back_to_is_told(
    house: House, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Nothing is pinned, and the message says what is wrong with the revision."""
    house, repository = cloned(house, tmp_path)
    repository.commit(news=BOTH["news"].replace("120", "nonsense"))
    repository.git("tag", "broken")
    repository.commit(**BOTH)

    result = await house.reconciler("rollback", *words, "--reason", "it is dark")

    assert result.status == ExitStatus.USAGE
    assert said in result.err
    assert not (house.reconciler.state / "orders").exists()
