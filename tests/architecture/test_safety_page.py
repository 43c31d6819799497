"""What `docs/safety.md` shows of documents can be written so."""

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.manifests.identify import POLICIES
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile

PAGE: Final = (Path(__file__).parents[2] / "docs" / "safety.md").read_text(encoding="utf-8")
SECTIONS: Final = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
TREE: Final = """\
---
apiVersion: reconciler/v1
kind: Flow
metadata: {name: NAME}
spec: {region: local, state: idle, input: {protocol: RTMP, allowlist: [10.0.0.0/8]}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower_north}
spec: {flow: NAME, protocol: RTMP_PULL, allowlist: [10.0.0.0/8]}
"""


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_each_kind_has_an_example_that_holds(kind: str) -> None:
    """Beside the flows and outputs that it names, no rule has a word about it."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[kind], re.DOTALL)
    text = shown + TREE.replace("NAME", "news") + TREE.replace("NAME", "city_news")

    verdict = ManifestReader().read([ManifestFile(path="a.yaml", content=text.encode())])

    assert f"kind: {kind}\n" in shown
    assert [str(finding) for finding in verdict.findings] == []


def test_the_example_of_an_event_holds() -> None:
    """It has a calendar, contacts, protection and a redundancy group, and no rule has a word about it."""
    folder = Path(__file__).parents[2] / "docs" / "examples" / "cup_final"
    files = [ManifestFile(path=path.name, content=path.read_bytes()) for path in sorted(folder.iterdir())]

    verdict = ManifestReader().read(files)

    assert [str(finding) for finding in verdict.findings] == []
    assert [calendar.name for calendar in verdict.policies.calendars] == ["cup_final"]
    assert {output.care.redundancy_group for output in verdict.sound.outputs} == {"tower"}
    assert all(flow.care.contacts for flow in verdict.sound.flows)
    assert all(output.care.contacts for output in verdict.sound.outputs)
    assert [flow.care.protected for flow in verdict.sound.flows] == [True]
