"""The composite action: its steps, run as the runner would, against real manifests and a forge that listens here."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.functional.repositories import Manifests, made
from tests.functional.test_between_commits import ARCHIVE, STUDIO, tower

ACTION = Path(__file__).parents[2] / ".github" / "actions" / "validate"
RECONCILER = Path(sys.executable).with_name("reconciler")
TOKEN = "token"
MARKER = "<!-- reconciler: plan -->"


@dataclass
class Step:
    """One step as it ended."""

    status: int
    log: str
    outputs: dict[str, str]
    summary: str


@pytest.fixture
def repository(tmp_path: Path) -> Manifests:
    """Give a repository with a base commit and one after it."""
    repository = made(tmp_path / "repository")
    repository.commit(studio=STUDIO + tower("north"), archive=ARCHIVE)
    repository.git("tag", "base")
    repository.commit(studio=STUDIO + tower("north", 200))
    return repository


def run(repository: Manifests, name: str, **environment: str) -> Step:
    """Run the script of a step, with nothing but what the action gives it."""
    folder = repository.root.parent
    outputs, summary = folder / "outputs", folder / "summary"
    for path in (outputs, summary):
        path.write_text("")
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "GITHUB_OUTPUT": str(outputs), **environment}
    given |= {"GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(folder), "RECONCILER": str(RECONCILER)}
    command = [sys.executable, str(ACTION / name)] if name.endswith(".py") else [str(ACTION / name)]
    done = subprocess.run(
        command, cwd=repository.root, env=given, capture_output=True, text=True, check=False, timeout=60
    )
    pairs = (line.split("=", 1) for line in outputs.read_text().splitlines())
    return Step(done.returncode, done.stdout + done.stderr, dict(pairs), summary.read_text())


def test_every_step_runs_a_script_that_is_there() -> None:
    """And gives it every variable that it reads; no text of others is put into a script."""
    steps: list[dict[str, Any]] = yaml.safe_load((ACTION / "action.yml").read_text())["runs"]["steps"]

    for step in steps:
        name = step["run"].rpartition("/")[2].rstrip('"')
        text = (ACTION / name).read_text()
        assert "${{" not in step["run"]
        assert "${{" not in text
        assert step["shell"] == "bash"
        assert name.endswith(".py") or os.access(ACTION / name, os.X_OK)
        assert all(variable in text or variable == "PYTHON" for variable in step["env"])


def test_sound_manifests_pass(repository: Manifests) -> None:
    """With a log for code scanning."""
    step = run(repository, "validate", MANIFESTS="manifests", CHANGED_SINCE="", SARIF="true")

    assert step.status == 0
    assert json.loads(Path(step.outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert repository.git("status", "--porcelain") == ""
    assert "no errors" in step.summary


def test_errors_fail_the_step_and_are_annotated(repository: Manifests) -> None:
    """The log for code scanning is there all the same."""
    repository.commit(studio=STUDIO.replace("120", "5000"))

    step = run(repository, "validate", MANIFESTS="manifests", CHANGED_SINCE="", SARIF="true")

    assert step.status == 3
    assert "::error file=manifests/studio.yaml,line=9,col=20," in step.log
    assert step.outputs.keys() == {"sarif"}
    assert "SL105 error" in step.summary


def test_only_what_is_new_fails_the_step(repository: Manifests) -> None:
    """When the step compares."""
    repository.commit(studio=STUDIO.replace("120", "5000"))

    step = run(repository, "validate", MANIFESTS="manifests", CHANGED_SINCE="HEAD", SARIF="")

    assert (step.status, step.outputs) == (0, {})


@pytest.mark.parametrize("paths", ["nowhere", "--format=text manifests", "$(touch sprung)", "; touch sprung"])
def test_paths_are_paths(repository: Manifests, paths: str) -> None:
    """Nothing in them is an option, or run."""
    step = run(repository, "validate", MANIFESTS=paths, CHANGED_SINCE="", SARIF="true")

    assert step.status == 64
    assert step.outputs == {}
    assert not (repository.root / "sprung").exists()


def test_the_plan_is_written_for_the_comment(repository: Manifests) -> None:
    """And into the step's summary."""
    step = run(repository, "plan", MANIFESTS="manifests", BASE="base", HEAD="HEAD")

    page = Path(step.outputs["plan"]).read_text()
    assert step.status == 0
    assert page.startswith(MARKER)
    assert "| edit | `output/studio/north` |" in page
    assert step.summary == page


def test_paths_may_be_on_lines_of_their_own(repository: Manifests) -> None:
    """As YAML folds them or does not; none is lost."""
    repository.commit(other=tower("west").replace("flow: studio", "flow: nowhere"))
    names = "manifests/studio.yaml\nmanifests/other.yaml\n"

    checked = run(repository, "validate", MANIFESTS=names, CHANGED_SINCE="", SARIF="")
    planned = run(repository, "plan", MANIFESTS=names, BASE="base", HEAD="HEAD")

    assert (checked.status, "manifests/other.yaml" in checked.log) == (3, True)
    assert "manifests/other.yaml" in Path(planned.outputs["plan"]).read_text()


def test_a_plan_of_broken_manifests_is_one_too(repository: Manifests) -> None:
    """The comment says why there is none."""
    repository.commit(studio="nonsense")

    step = run(repository, "plan", MANIFESTS="manifests", BASE="base", HEAD="HEAD")

    assert step.status == 0
    assert "No plan" in Path(step.outputs["plan"]).read_text()


def test_a_base_that_is_not_there_fails_the_step(repository: Manifests) -> None:
    """With words that say what to do."""
    step = run(repository, "plan", MANIFESTS="manifests", BASE="0" * 40, HEAD="HEAD")

    assert step.status == 64
    assert "fetch-depth" in step.log


@dataclass
class Forge:
    """A forge that keeps the comments of pull request 7, in pages; it takes one token."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    forbids: bool = False

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, Any]:
        """Return status and body."""
        split = urlsplit(handler.path)
        if handler.headers["Authorization"] != f"Bearer {TOKEN}":
            return 401, {}
        if self.forbids and handler.command != "GET":
            return 403, {}
        if handler.command == "GET" and split.path == "/repos/o/r/issues/7/comments":
            query = {name: int(values[0]) for name, values in parse_qs(split.query).items()}
            begin = (query["page"] - 1) * query["per_page"]
            return 200, self.comments[begin : begin + query["per_page"]]
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))["body"]
        if handler.command == "POST" and split.path == "/repos/o/r/issues/7/comments":
            self.write(body)
            return 201, self.comments[-1]
        known = [one for one in self.comments if split.path == f"/repos/o/r/issues/comments/{one['id']}"]
        if handler.command == "PATCH" and known:
            known[0]["body"] = body
            return 200, known[0]
        return 404, {}

    def write(self, body: str, kind: str = "Bot") -> None:
        """Add a comment."""
        self.comments.append({"id": 100 + len(self.comments), "body": body, "user": {"type": kind}})


@contextmanager
def forge() -> Iterator[Forge]:
    """Lend a forge."""
    kept = Forge()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            status, body = kept.answer(self)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 -- the names that the library calls

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def comment(repository: Manifests, kept: Forge, text: str, *, key: str = TOKEN) -> Step:
    """Run the step that comments."""
    plan = repository.root.parent / "plan.md"
    plan.write_text(text)
    return run(
        repository, "comment.py", GH_TOKEN=key, GITHUB_API_URL=kept.url, GITHUB_REPOSITORY="o/r", NUMBER="7",
        PLAN=str(plan),
    )  # fmt: skip


def test_there_is_ever_one_comment(repository: Manifests) -> None:
    """The first run writes it, the next ones replace it, on whatever page it is; nobody else's is touched."""
    with forge() as kept:
        for number in range(150):
            kept.write(f"{MARKER} quoted by somebody" if number == 3 else "hello", kind="User")

        first = comment(repository, kept, f"{MARKER}\none")
        second = comment(repository, kept, f"{MARKER}\ntwo")

    assert (first.status, second.status) == (0, 0)
    assert len(kept.comments) == 151
    assert kept.comments[-1]["body"] == f"{MARKER}\ntwo"
    assert kept.comments[3]["body"] == f"{MARKER} quoted by somebody"


def test_a_comment_that_is_refused_is_told_without_the_token(repository: Manifests) -> None:
    """The plan is in the summary."""
    with forge() as kept:
        step = comment(repository, kept, f"{MARKER}\none", key="canary-token")

    assert step.status == 1
    assert "refused with 401" in step.log
    assert "canary-token" not in step.log


def test_a_pull_request_that_may_not_be_written_into_breaks_nothing(repository: Manifests) -> None:
    """So it is for those of forks."""
    with forge() as kept:
        kept.forbids = True
        step = comment(repository, kept, f"{MARKER}\none")

    assert step.status == 0
    assert "::notice::Nothing may be written into this pull request" in step.log


def test_only_a_plan_is_a_comment(repository: Manifests) -> None:
    """Whatever led the step to another file."""
    with forge() as kept:
        step = comment(repository, kept, "PATH=/usr/bin\0GH_TOKEN=x")

    assert (step.status, kept.comments) == (1, [])


def test_comments_of_those_who_have_gone_are_passed_over(repository: Manifests) -> None:
    """They have no user any more, and maybe no body."""
    with forge() as kept:
        kept.comments.append({"id": 1, "user": None, "body": None})
        step = comment(repository, kept, f"{MARKER}\none")

    assert (step.status, len(kept.comments)) == (0, 2)


def test_nothing_in_manifests_is_a_command(repository: Manifests) -> None:
    """Neither in annotations, nor beside them, nor in what goes wrong before anything is read."""
    name = r'"x\n::set-output name=plan::/etc/passwd"'
    twice = STUDIO.replace("name: studio", f"name: {name}") + "---\n" + STUDIO.replace("name: studio", f"name: {name}")
    kinds = {f"k{number}": f'kind: "##[set-output name=plan]/x{number}"' for number in range(12)}
    repository.commit(studio=twice, **kinds)
    (repository.root / "reconciler.yaml").write_text('backend: {kind: "##[set-output name=plan]/etc/passwd"}\n')

    before = run(repository, "plan", MANIFESTS="manifests", BASE="base", HEAD="HEAD")
    (repository.root / "reconciler.yaml").unlink()
    steps = [
        before,
        run(repository, "plan", MANIFESTS="manifests", BASE="base", HEAD="HEAD"),
        run(repository, "validate", MANIFESTS="manifests", CHANGED_SINCE="", SARIF="true"),
    ]

    assert before.status == 64
    for step in steps:
        assert "##[" not in step.log
        for line in commands(step.log):
            assert re.match(r"::(error|warning) file=manifests/[a-z0-9]+\.yaml,", line), line


def commands(log: str) -> list[str]:
    """Return the lines of a log that are commands to the runner."""
    found, token = [], ""
    for line in log.splitlines():
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        elif line.lstrip().startswith("::"):
            found.append(line)
    return found
