"""The use case of saying what is wrong."""

import asyncio
from collections.abc import Sequence

import pytest

from reconciler.domain.model import Desired
from reconciler.engine.validate import validate
from reconciler.ports.source import ManifestFile, Revision, Snapshot, Verdict

pytestmark = pytest.mark.anyio

FILE = ManifestFile(path="a.yaml", content=b"x")


class OneFile:
    """A source of one file."""

    name = "one file"
    is_whole = False
    proven_at = None

    async def snapshot(self) -> Snapshot:
        """Return it."""
        return Snapshot(revision=Revision("1"), files=(FILE,))

    def watch(self, hint: asyncio.Event) -> None:
        """Nothing changes."""

    def wake(self) -> None:
        """Nobody watches."""

    def close(self) -> None:
        """Nothing is open."""


class Pleased:
    """A reader that likes everything, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[ManifestFile] = []

    def read(self, files: Sequence[ManifestFile]) -> Verdict:
        """Return that nothing is wrong."""
        self.given += files
        return Verdict(findings=(), desired=Desired())


async def test_the_tree_as_it_is_now_is_read() -> None:
    """What the source has is what the reader judges."""
    reader = Pleased()

    verdict = await validate(OneFile(), reader)

    assert verdict == Verdict(findings=(), desired=Desired())
    assert reader.given == [FILE]
