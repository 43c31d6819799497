"""Tests of `engine.manifest_checks`, with real manifests, and a vault of a test's own."""

import threading
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError, ExitStatus
from reconciler.domain.secrets import Secret, SecretRef
from reconciler.engine.examine import examine, status_of
from reconciler.engine.manifest_checks import manifest_checks
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.checks import Grade, Sign
from reconciler.ports.source import Snapshot
from reconciler.sources.directory import DirectorySource
from reconciler.sources.vault import SecretVault
from reconciler.wiring import zone_of
from tests.fakes.clock import FakeClock
from tests.functional.conftest import CANARIES, MANIFESTS, TOWER

pytestmark = pytest.mark.anyio

CALENDAR = """\
---
apiVersion: reconciler/v1
kind: Calendar
metadata: {name: nights}
spec:
  zone: Europe/Berlin
  windows: [{kind: freeze, every: [day], from: "01:00", to: "02:00"}]
"""


def tree_at(path: Path) -> DirectorySource:
    """Return the manifests at a path; nobody watches them."""
    return DirectorySource([path], proofs=path / "proofs", clock=FakeClock(auto=False))


async def signs_of(folder: Path, text: str, environment: dict[str, str]) -> tuple[Sign, ...]:
    """Return what is found of one file of manifests."""
    (folder / "news.yaml").write_text(text)
    vault = SecretVault(env=environment, env_patterns=("STREAM_*",), directory=folder / "secrets")
    checks = manifest_checks(tree_at(folder), ManifestReader(), vault, zone_of)
    return await examine(checks, clock=FakeClock(auto=False))


async def test_all_is_well(tmp_path: Path) -> None:
    """What is there is counted."""
    signs = await signs_of(tmp_path, f"{MANIFESTS}---\n{TOWER}", CANARIES)

    assert [(sign.about, sign.grade, sign.said) for sign in signs] == [
        ("source", Grade.OK, f"1 file at {tmp_path}"),
        ("manifests", Grade.OK, "1 flow, 1 output, 0 warnings"),
        ("secrets", Grade.OK, "all 2 that the manifests name are there"),
    ]


async def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By its reference; of those that are there not a letter is told."""
    environment = {name: value for name, value in CANARIES.items() if name != "STREAM_TOWER"}
    signs = await signs_of(tmp_path, f"{MANIFESTS}---\n{TOWER}", environment)

    assert [(sign.about, sign.grade) for sign in signs][-1] == ("secrets", Grade.FAIL)
    assert "env:STREAM_TOWER" in signs[-1].said
    assert not any(value in str(signs) for value in CANARIES.values())
    assert status_of(signs) is ExitStatus.ALL_FAILED


class Slow(SecretVault):
    """A vault that asks somebody else, who takes his time."""

    @property
    def waits(self) -> bool:
        """Return that it does."""
        return True

    def resolve(self, ref: SecretRef) -> Secret:
        """Refuse to be asked where others would wait."""
        assert threading.current_thread() is not threading.main_thread()
        return super().resolve(ref)


async def test_a_slow_vault_is_asked_in_a_thread(tmp_path: Path) -> None:
    """What it says is told as of any other."""
    (tmp_path / "news.yaml").write_text(f"{MANIFESTS}---\n{TOWER}")
    vault = Slow(env=CANARIES, env_patterns=("STREAM_*",), directory=None)

    signs = await examine(
        manifest_checks(tree_at(tmp_path), ManifestReader(), vault, zone_of), clock=FakeClock(auto=False)
    )

    assert [(sign.about, sign.said) for sign in signs][-1] == ("secrets", "all 2 that the manifests name are there")


async def test_of_many_that_are_not_there_some_are_named(tmp_path: Path) -> None:
    """The others are counted."""
    outputs = [
        TOWER.replace("name: tower", f"name: tower_{n}").replace("STREAM_TOWER", f"STREAM_{n}") for n in range(8)
    ]
    signs = await signs_of(tmp_path, "---\n".join((MANIFESTS, *outputs)), {"STREAM_NEWS": "canary-of-the-news"})
    said = [sign.said for sign in signs if sign.about == "secrets"]

    assert len(said) == 6
    assert said[-1] == "and 3 more cannot be used"


class Stale(DirectorySource):
    """A tree that is not the newest that there is."""

    async def snapshot(self) -> Snapshot:
        """Return it, with the reason."""
        return replace(await super().snapshot(), trouble="the server is down")


async def test_a_tree_that_is_not_the_newest_is_warned_of(tmp_path: Path) -> None:
    """In the source's words."""
    (tmp_path / "news.yaml").write_text(MANIFESTS)
    vault = SecretVault(env=CANARIES, env_patterns=("STREAM_*",), directory=None)
    checks = manifest_checks(
        Stale([tmp_path], proofs=tmp_path / "proofs", clock=FakeClock(auto=False)), ManifestReader(), vault, zone_of
    )
    (sign, *_) = await examine(checks, clock=FakeClock(auto=False))

    assert (sign.about, sign.grade, "the server is down" in sign.said) == ("source", Grade.WARN, True)


async def test_findings_are_counted(tmp_path: Path) -> None:
    """They are `validate`'s to tell; the status is that of findings."""
    signs = await signs_of(tmp_path, MANIFESTS.replace("latency: 120", "latency: 9000"), CANARIES)

    assert (signs[1].said, status_of(signs)) == (
        "1 finding of severity error, so nothing is changed",
        ExitStatus.FINDINGS,
    )


async def test_no_manifests_are_a_failure(tmp_path: Path) -> None:
    """A tree that is not there is told in the source's words."""
    vault = SecretVault(env={}, env_patterns=(), directory=None)
    checks = manifest_checks(tree_at(tmp_path / "gone"), ManifestReader(), vault, zone_of)
    (sign,) = await examine(checks, clock=FakeClock(auto=False))

    assert (sign.about, sign.grade) == ("source", Grade.FAIL)
    assert "gone" in sign.said


async def test_the_zones_of_calendars_must_be_known(tmp_path: Path) -> None:
    """Without them nobody can tell what is held back."""

    def none(name: str) -> tzinfo:
        raise EnvironmentFailedError(f"{name} is not known here")

    (tmp_path / "news.yaml").write_text(MANIFESTS + CALENDAR)
    vault = SecretVault(env=CANARIES, env_patterns=("STREAM_*",), directory=None)
    source, reader = tree_at(tmp_path), ManifestReader()
    known = await examine(manifest_checks(source, reader, vault, zone_of), clock=FakeClock(auto=False))
    unknown = await examine(manifest_checks(source, reader, vault, none), clock=FakeClock(auto=False))

    assert (known[-1].grade, known[-1].said) == (Grade.OK, "Europe/Berlin is known")
    assert (unknown[-1].grade, unknown[-1].said) == (Grade.FAIL, "Europe/Berlin is not known here")


async def test_where_nothing_is_it_says_what_to_do(tmp_path: Path) -> None:
    """It is the first thing that a newcomer meets."""
    source = DirectorySource([tmp_path / "nowhere"], proofs=tmp_path / "proofs", clock=FakeClock(auto=False))
    vault = SecretVault(env=CANARIES, env_patterns=("STREAM_*",), directory=None)
    (sign,) = await examine(manifest_checks(source, ManifestReader(), vault, zone_of), clock=FakeClock(auto=False))

    assert (sign.about, sign.grade) == ("source", Grade.FAIL)
    assert "reconciler init" in sign.next_step
