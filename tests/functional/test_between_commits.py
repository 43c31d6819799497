"""`reconciler validate --changed-since` and `reconciler plan --base`, in repositories that tests make."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.formats.comment import MAX_CHARACTERS
from tests.functional.repositories import Manifests, made

GOLDEN = Path(__file__).parent / "plan.md"
CANARY = "STREAM_CANARY"

STUDIO = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: studio}
spec:
  region: eu-frankfurt
  input:
    protocol: SRT
    allowlist: [203.0.113.0/28]
    srt: {latency: 120, encryption: {keyLength: 16, passphrase: {env: STREAM_STUDIO}}}
"""
ARCHIVE = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: archive}
spec:
  region: eu-frankfurt
  state: idle
  input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
"""
OUTPUT = """\
---
apiVersion: reconciler/v1
kind: Output
metadata: {{name: {name}}}
spec:
  flow: studio
  protocol: SRT
  srt:
    mode: caller
    destination: {{host: {name}.example, port: 9000}}
    latency: {latency}
    encryption: {{keyLength: 32, passphrase: {{env: {secret}}}}}
"""
OVERRIDE = """\
apiVersion: reconciler/v1
kind: Override
metadata: {{name: season}}
spec:
  kind: {kind}
  action: {action}
  lifts: [budget]
  reason: the season begins
  expires: 2099-01-01T00:00:00Z
"""


def tower(name: str, latency: int = 120, env: str = "STREAM_TOWER") -> str:
    """Return an output of the studio."""
    return OUTPUT.format(name=name, latency=latency, secret=env)


@pytest.fixture
def repository(tmp_path: Path) -> Manifests:
    """Give a repository with a sound first commit, named base; it is large enough that one may delete two objects."""
    repository = made(tmp_path / "repository")
    towers = tower("north") + tower("south") + tower("west")
    rest = "".join(map(tower, ("oslo", "rome", "bonn"))).removeprefix("---\n")
    repository.commit(studio=STUDIO + towers, archive=ARCHIVE, rest=rest)
    repository.git("tag", "base")
    return repository


def reconciler(repository: Manifests, *arguments: str, status: int = 0) -> str:
    """Run the command without any account or setting, and return what it printed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=repository.root, env=kept, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout


def test_only_what_a_branch_made_worse_is_told(repository: Manifests) -> None:
    """What was wrong before is counted; what is wrong now is told at its new line, and decides the status."""
    bad = STUDIO.replace("120", "5000")
    repository.commit(studio=bad)
    repository.git("tag", "--force", "base")
    repository.commit(studio="# moved\n\n" + bad, archive=ARCHIVE.replace("idle", "off"))

    told = reconciler(repository, "validate", "--changed-since", "base", "manifests", status=3)
    reconciler(repository, "validate", "--changed-since", "HEAD", "manifests")

    assert [line.split(" error")[0] for line in told.splitlines()] == ["manifests/archive.yaml:6:10: SL104"]


def test_what_a_branch_breaks_elsewhere_is_told(repository: Manifests) -> None:
    """Everything is checked: a flow that goes is missed by the outputs of another file."""
    repository.commit(studio=STUDIO, towers=tower("north"))
    repository.git("tag", "--force", "base")
    repository.commit(studio=STUDIO.replace("name: studio", "name: stage"))

    told = reconciler(repository, "validate", "--changed-since", "base", "manifests", status=3)

    assert "manifests/towers.yaml:6:9: SL301 error: there is no flow studio" in told


def test_the_plan_of_a_branch_is_one_comment(repository: Manifests) -> None:
    """The same to the last character: what viewers notice on top, every property below, no secret."""
    towers = tower("north", 200) + tower("south", env=CANARY) + tower("east", 800)
    repository.commit(studio=STUDIO + towers, archive=ARCHIVE.replace("eu-frankfurt", "ap-singapore"))
    (repository.root / "manifests" / "studio.yaml").write_text("not committed, so of no consequence")

    page = reconciler(repository, "plan", "--base", "base", "--head", "HEAD", "-o", "markdown")

    assert page == GOLDEN.read_text(encoding="utf-8")
    assert CANARY not in page


def test_the_plan_is_for_people_and_programs_too(repository: Manifests) -> None:
    """In words, and as JSON; the exit status says whether there are changes when it is asked."""
    repository.commit(studio=STUDIO + tower("north"))

    text = reconciler(repository, "plan", "--base", "base", "--detailed-exitcode", status=2)
    document = json.loads(reconciler(repository, "plan", "--base", "base", "--head", "HEAD", "-o", "json"))

    assert "- delete output/studio/south  impact: goes off air: its receivers" in text
    assert [change["resource"] for change in document["changes"]] == ["output/studio/south", "output/studio/west"]
    assert (document["base"], document["head"], document["backend"], document["drift"]) == ("base", "HEAD", None, None)


def test_broken_manifests_have_no_plan(repository: Manifests) -> None:
    """The comment says what is wrong instead; a base that is broken counts for what is sound in it."""
    repository.commit(studio=STUDIO.replace("120", "x"))

    page = reconciler(repository, "plan", "--base", "base", "--head", "HEAD", "-o", "markdown", status=3)
    repository.commit(studio=STUDIO + tower("north"))
    mended = reconciler(repository, "plan", "--base", "HEAD~1", "--head", "HEAD", "-o", "markdown")

    assert "No plan: the manifests have errors" in page
    assert "- `manifests/studio.yaml:9:20` SL103 error" in page
    assert "their broken documents count as absent" in mended
    assert "| create | `flow/studio` |" in mended


def test_what_others_have_merged_since_is_not_the_branchs(repository: Manifests) -> None:
    """Neither their outputs, which it would not delete, nor the faults that they have mended."""
    repository.git("checkout", "--quiet", "-b", "branch")
    repository.commit(archive="# a comment\n" + ARCHIVE)
    repository.git("checkout", "--quiet", "main")
    repository.commit(studio=STUDIO + tower("north") + tower("south") + tower("west") + tower("colleague"))
    repository.git("checkout", "--quiet", "branch")

    page = reconciler(repository, "plan", "--base", "main", "--head", "branch", "-o", "markdown")
    document = json.loads(reconciler(repository, "plan", "--base", "main", "-o", "json"))

    assert "nothing to change" in page
    assert "colleague" not in page
    assert "The base has commits that the head lacks" in page
    assert (document["changes"], document["began"]) == ([], repository.git("rev-parse", "base"))


def test_what_was_wrong_when_a_branch_began_is_not_new(repository: Manifests) -> None:
    """Though it is mended elsewhere by now."""
    bad = STUDIO.replace("120", "5000")
    repository.commit(studio=bad)
    repository.git("checkout", "--quiet", "-b", "branch")
    repository.git("checkout", "--quiet", "main")
    repository.commit(studio=STUDIO)
    repository.git("checkout", "--quiet", "branch")

    assert reconciler(repository, "validate", "--changed-since", "main", "manifests") == ""


def test_what_changes_within_a_flow_that_is_made_anew_is_told(repository: Manifests) -> None:
    """Of each output, in every form: what is edited with it, what is new, and what goes."""
    towers = tower("north", 200) + tower("south") + tower("east")
    lifted = OVERRIDE.format(kind="Flow", action="recreate")
    repository.commit(studio=STUDIO.replace("eu-frankfurt", "ap-singapore") + towers, lifted=lifted)

    document = json.loads(reconciler(repository, "plan", "--base", "base", "-o", "json"))
    page = reconciler(repository, "plan", "--base", "base", "-o", "markdown")
    text = reconciler(repository, "plan", "--base", "base")

    (change,) = document["changes"]
    told = {one["resource"]: (one["action"], [item["path"] for item in one["properties"]]) for one in change["outputs"]}
    assert told["output/studio/north"] == ("recreate", ["region", "srt.latency"])
    assert told["output/studio/south"] == ("recreate", ["region"])
    assert told["output/studio/west"] == ("delete", [])
    assert told["output/studio/east"][0] == "create"
    assert "Viewers notice: 1 flow is made anew with 5 outputs, 1 output ends." in page
    assert "- with it recreate `output/studio/north`\n  - `region`: `eu-frankfurt` → `ap-singapore`" in page
    assert "    with it delete output/studio/west\n" in text


def test_nothing_that_changes_is_a_command(repository: Manifests) -> None:
    """In whatever form it is printed; in JSON it comes out as it was."""
    text = "##[add-mask]hello ::error::x"
    repository.commit(archive=ARCHIVE.replace("state: idle", f"state: idle\n  description: '{text}'"))

    pages = [reconciler(repository, "plan", "--base", "base", "-o", form) for form in ("text", "json", "markdown")]

    assert not any("##[" in page for page in pages)
    assert json.loads(pages[1])["changes"][0]["properties"][0]["wanted"] == text


def test_what_the_safety_limits_would_hold_back_is_told_before_it_is_merged(repository: Manifests) -> None:
    """The comment names each with the reason and the way out, and the check of the pull request says 4."""
    repository.commit(studio=STUDIO)

    page = reconciler(repository, "plan", "--base", "base", "-o", "markdown", status=4)

    assert "3 blocked; 5 unchanged." in page
    assert "- blocked `output/studio/north` (delete), goes off air&#58; its receivers, change `" in page
    assert "an Override document with &#96;lifts&#58; &#91;budget&#93;&#96; says why" in page


def test_three_thousand_changes_fit_into_a_comment(tmp_path: Path) -> None:
    """The delete among them is on top, and what has no room is counted."""
    repository = made(tmp_path / "large")
    many = [tower(f"t{number}") for number in range(3000)]
    repository.commit(studio=STUDIO + "".join(many) + tower("the_last"))
    base = repository.git("rev-parse", "HEAD")
    lifted = OVERRIDE.format(kind="Output", action="edit")
    repository.commit(studio=STUDIO + "".join(many).replace("latency: 120", "latency: 200"), lifted=lifted)

    page = reconciler(repository, "plan", "--base", base, "--head", "HEAD", "-o", "markdown")

    assert len(page) <= MAX_CHARACTERS
    first = next(line for line in page.splitlines() if line.startswith("| **goes off air"))
    assert "`output/studio/the_last`" in first
    assert "3000 to edit, 1 to delete" in page
    assert "rows of changes" in page


@pytest.mark.parametrize("revision", ["--help", "--upload-pack=touch sprung", "nowhere", "HEAD:manifests", "\x1b[31m"])
@pytest.mark.parametrize("option", ["--base", "--head"])
def test_a_revision_is_never_an_option(repository: Manifests, option: str, revision: str) -> None:
    """It is wrong usage, and nothing is run."""
    other = ["--base=base"] if option == "--head" else []

    reconciler(repository, "plan", *other, f"{option}={revision}", status=64)
    reconciler(repository, "validate", f"--changed-since={revision}", "manifests", status=64)

    assert not (repository.root / "sprung").exists()


def test_head_and_live_need_a_base(repository: Manifests) -> None:
    """Alone they mean nothing."""
    reconciler(repository, "plan", "--head", "HEAD", status=64)
    reconciler(repository, "plan", "--live", status=64)
