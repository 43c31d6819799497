"""`plan --base --live`: what a branch means, beside what the account lacks already, with an account that answers."""

import json

import pytest

from tests.endtoend.manifests import CANARY, TOWER
from tests.endtoend.studio import Studio
from tests.functional.repositories import Manifests, made

pytestmark = pytest.mark.anyio


@pytest.fixture
async def repository(studio: Studio) -> Manifests:
    """Give an account as the base commit says, but for one output; the files are a head with another one."""
    repository = made(studio.tree.parent)
    (repository.root / ".gitignore").write_text("/state/\n")
    base = repository.commit()
    repository.git("tag", "base", base)
    platform = studio.tree / "platform.yaml"
    kept = platform.read_text()
    platform.unlink()
    applied = await studio.apply()
    assert applied.status == 0, applied.everything
    platform.write_text(kept)
    studio.set_latency(500)
    (studio.tree / "mast.yaml").write_text(
        TOWER.replace("name: tower", "name: mast").replace("port: 9", "port: 10").replace("LATENCY", "120")
    )
    repository.commit()
    return repository


async def test_drift_stands_apart_from_intent(studio: Studio, repository: Manifests) -> None:
    """In every form; nothing is written, and no secret is told."""
    sent = studio.writes

    words = ("plan", "manifests", "--base", "base", "--live", "-o")
    as_json, page, text = [await studio.reconciler(*words, form) for form in ("json", "markdown", "text")]

    assert as_json.status == 0, as_json.everything
    document = json.loads(as_json.out)
    assert [(one["action"], one["resource"]) for one in document["changes"]] == [
        ("create", "output/news/mast"),
        ("edit", "output/news/tower"),
    ]
    assert [(one["action"], one["resource"]) for one in document["drift"]] == [("create", "output/news/platform")]
    assert document["backend"].startswith("relay at")
    meant, drift = page.out.split("#### Drift")
    assert ("output/news/platform" in meant, "output/news/platform" in drift) == (False, True)
    assert (
        text.out.index("output/news/tower") < text.out.index("Drift, which is put right") < text.out.index("platform")
    )
    assert CANARY not in as_json.everything + page.everything + text.everything
    assert studio.writes == sent
    assert repository.git("status", "--porcelain") == ""


async def test_a_branch_that_mends_the_drift_means_it(studio: Studio, repository: Manifests) -> None:
    """What the base lacks too is drift; what only the branch wants is its own."""
    repository.git("rm", "--quiet", "manifests/mast.yaml")
    repository.git("commit", "--quiet", "--message=x")

    said = await studio.reconciler("plan", "manifests", "--base", "base", "--head", "HEAD", "--live", "-o", "json")

    document = json.loads(said.out)
    assert [one["resource"] for one in document["changes"]] == ["output/news/tower"]
    assert [one["resource"] for one in document["drift"]] == ["output/news/platform"]


@pytest.mark.usefixtures("repository")
async def test_an_account_that_does_not_answer_is_said(studio: Studio) -> None:
    """A plan that is guessed would be worse than none."""
    await studio.relay.__aexit__(None, None, None)

    said = await studio.reconciler("plan", "manifests", "--base", "base", "--live", "-o", "markdown")

    assert (said.status, said.out) == (7, "")
    assert "no relay" in said.err.lower()
