"""What may stand nowhere in the tree."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

NOT_OURS: Final = frozenset({".git", ".venv", ".reconciler", "__pycache__", "dist", "build", "node_modules", ".cache"})
"""Folders that are made, not written."""

REGISTRIES: Final = re.compile(
    r"\bpypi\.org|pythonhosted\.org|registry\.npmjs|\bdeb\.debian\.|security\.debian\.|--(extra-)?index-url|^-i ",
    flags=re.MULTILINE,
)


def written() -> Iterator[Path]:
    """Yield every file that people wrote or committed, this one excepted."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        made = any(part in NOT_OURS or part.endswith("_cache") or part == ".hypothesis" for part in parts)
        if path.is_file() and not made and path != Path(__file__):
            yield path


def test_nothing_names_the_address_of_a_registry() -> None:
    """Packages are named and locked by hash; where they are fetched is for each machine to say."""
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in written()
        for match in REGISTRIES.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]

    assert found == []


def test_every_locked_requirement_has_hashes() -> None:
    """A lock without a hash is a name, not a lock."""
    for lock in ("run.txt", "dev.txt", "judges.txt"):
        requirements = re.split(r"\n(?=[a-z])", (ROOT / "requirements" / lock).read_text())

        assert [text for text in requirements if text.strip() and "--hash=sha256:" not in text] == []
