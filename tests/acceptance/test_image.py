"""
The image, judged by hadolint, and what is done in it, done without one; and the compose file that starts two of it.

`make test` installs the judges (scripts/judges).
"""

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import ClassVar, Final

import click
import yaml

import reconciler
from tests.acceptance.deploying import DEPLOY, ROOT, VARIABLES, run

IMPORT_ALL: Final = """\
import importlib, pkgutil, reconciler
apart = ("reconciler.__main__", "reconciler.relay.programs.", "reconciler.media.rtsp_o", "reconciler.media.srt_pipe")
for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
    if not module.name.startswith(apart) and module.name != "reconciler.service.tracing":
        importlib.import_module(module.name)
"""
"""Every module but the programs that the system's own Python runs, with what only that has, and an extra's."""


def test_the_image_keeps_hadolints_rules() -> None:
    """And hadolint finds a fault that is put in."""
    judge = Path(sys.executable).parent / "hadolint"
    dockerfile = DEPLOY / "image" / "Dockerfile"
    spoilt = dockerfile.read_text().replace("--no-install-recommends ca-certificates", "ca-certificates")

    assert (run(judge, dockerfile).stdout, run(judge, dockerfile).returncode) == ("", 0)
    assert "DL3015" in run(judge, "-", given=spoilt).stdout


def test_the_image_is_built_of_what_is_there() -> None:
    """Every file that it copies is in the checkout, and let in by .dockerignore; its targets are those of the pages."""
    text = (DEPLOY / "image" / "Dockerfile").read_text()
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [
        word.rstrip("/")
        for line in re.findall(r"^COPY (?!.*--from)(?:--\S+ )*(.+)$", text, flags=re.MULTILINE)
        for word in line.split()[:-1]
    ]

    assert set(copied) == let_in
    assert [word for word in copied if not (ROOT / word).exists()] == []
    assert re.findall(r"^FROM \S+ AS (\w+)$", text, flags=re.MULTILINE) == ["base", "build", "cloud", "relay"]
    assert set(re.findall(r"RECONCILER_[A-Z_]+", text)) <= VARIABLES


def test_the_engines_are_listed_once() -> None:
    """Setup and image read the same list, and each line of it is a package with at most a comment."""
    lines = (ROOT / "scripts" / "engines").read_text().splitlines()
    packages = [line.partition("#")[0].split() for line in lines]

    assert all(len(words) <= 1 for words in packages)
    assert {"ffmpeg", "nginx-light", "python3-gi"} <= {words[0] for words in packages if words}
    assert "scripts/engines" in (ROOT / "scripts" / "setup").read_text()


def test_what_the_image_does_works_without_an_image(tmp_path: Path) -> None:
    """The wheel is installed into a fresh environment, and runs with what requirements/run.txt locks and no more."""
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    assert run(*pip, "install", "-q", "--no-compile", "--no-deps", "--no-index", wheel).returncode == 0
    # What is locked is here already, in the environment of the tests; only that is lent, so that nothing is fetched.
    lend(locked(), tmp_path / "venv")

    said = run(tmp_path / "venv" / "bin" / "reconciler", "version", cwd=tmp_path)
    imported = run(python, "-c", IMPORT_ALL, cwd=tmp_path)
    checked = run(tmp_path / "venv" / "bin" / "reconciler", "validate", ROOT / "manifests", cwd=tmp_path)

    assert (said.stdout, said.returncode) == (f"reconciler {reconciler.__version__}\n", 0)
    assert (checked.returncode, "no errors" in checked.stderr) == (0, True)
    assert (imported.returncode, imported.stderr) == (0, "")


class Answering(BaseHTTPRequestHandler):
    """Answers `/livez` as the test says."""

    status: ClassVar[int]

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(self.status if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def answering(status: int) -> Iterator[int]:
    """Serve on a port meanwhile."""
    handler = type("Handler", (Answering,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def health(what: str, state: Path) -> "subprocess.CompletedProcess[str]":
    """Return what the image's check of its health says; the environment has a proxy that is none."""
    return subprocess.run(
        [sys.executable, "-I", DEPLOY / "image" / "health", what],
        env={
            "RECONCILER_STATE": str(state),
            "http_proxy": "http://127.0.0.1:9",
        },
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_health_of_a_container_is_that_of_what_runs_in_it(tmp_path: Path) -> None:
    """Well, not well, and not there: of the service by what it answers, of the relay by its port."""
    with answering(200) as port:
        (tmp_path / "relay.json").write_text(json.dumps({"endpoint": f"http://127.0.0.1:{port}"}))
        (tmp_path / "service.json").write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
        well = [health(what, tmp_path) for what in ("run", "relay")]
    gone = [health(what, tmp_path) for what in ("run", "relay")]
    with answering(503) as port:
        (tmp_path / "service.json").write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
        stuck = health("run", tmp_path)

    assert [(said.returncode, said.stdout + said.stderr) for said in well] == [(0, ""), (0, "")]
    assert [said.returncode for said in gone] == [1, 1]
    assert (stuck.returncode, "503" in stuck.stderr) == (1, True)


def locked() -> set[str]:
    """Return the names in requirements/run.txt."""
    return set(re.findall(r"^([a-z0-9][\w.-]*)==", (ROOT / "requirements" / "run.txt").read_text(), flags=re.MULTILINE))


def lend(names: set[str], venv: Path) -> None:
    """Give an environment those packages of ours that have these names."""
    (target,) = venv.glob("lib/python*/site-packages")
    for name in names:
        try:
            parts = {file.parts[0] for file in files(name) or () if file.parts[0] != ".."}
        except PackageNotFoundError:
            # Of another Python or another system.
            continue
        for part in parts:
            (target / part).symlink_to(Path(click.__file__).parents[1] / part)


def test_the_compose_file_keeps_the_specification() -> None:
    """As check-jsonschema has its schema; a fault that is put in is found."""
    judge = (Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    said = run(*judge, DEPLOY / "compose" / "compose.yaml")

    assert said.returncode == 0, said.stdout


def test_the_compose_file_names_what_is_there() -> None:
    """Its images are targets of the Dockerfile, its volumes are declared, and its settings are known."""
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    services = compose["services"]
    dockerfile = (DEPLOY / "image" / "Dockerfile").read_text()
    volumes = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}

    for service in services.values():
        assert f" AS {service['build']['target']}\n" in dockerfile
        assert (DEPLOY / "compose" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert {name for name in volumes if not name.startswith(".")} == set(compose["volumes"])
    assert set(services["reconciler"]["environment"]) <= VARIABLES
