"""`reconciler notify test`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli

CANARY = "canary-of-an-address"


class Hook(BaseHTTPRequestHandler):
    """Takes what is posted at `/well`, and knows no other place."""

    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200 if self.path == f"/well/{CANARY}" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def hooks() -> Iterator[str]:
    """Lend a server, by its address."""
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def run(folder: Path, *arguments: str) -> Result:
    """Run the verb with the settings of a folder."""
    return CliRunner().invoke(cli, ["--config", str(folder / "r.yaml"), "notify", "test", *arguments])


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with settings of two sinks, one of which has a wrong address."""
    (tmp_path / "r.yaml").write_text(
        f"notify: {{sinks: [{{kind: slack, urlFile: {tmp_path}/well}}, {{kind: webhook, urlFile: {tmp_path}/ill}}]}}\n"
    )
    with hooks() as url:
        for name in ("well", "ill"):
            (tmp_path / name).write_text(f"{url}/{name}/{CANARY}\n")
        yield tmp_path


def test_each_sink_is_told_and_what_came_of_it_is_said(two: Path) -> None:
    """One that fails makes it end with 1, and no address is shown."""
    result = run(two)

    assert result.exit_code == 1
    assert sorted(result.stdout.splitlines()) == [
        "slack: took a test message",
        "webhook: not told: the server answered HTTP 404: is the address right, and may we speak there?",
    ]
    assert CANARY not in result.output


def test_one_sink_alone(two: Path) -> None:
    """The other one is left alone."""
    result = run(two, "slack")

    assert (result.exit_code, result.stdout) == (0, "slack: took a test message\n")


@pytest.mark.parametrize(
    ("settings", "arguments", "said"),
    [
        pytest.param("{}", (), "the settings name no sinks", id="nobody"),
        pytest.param("notify: {sinks: [{kind: slack, urlFile: x}]}", ("slak",), "did you mean slack?", id="a slip"),
        pytest.param("notify: {sinks: [{kind: slack, urlFile: x}]}", ("zzz",), "there are: slack", id="unknown"),
    ],
)
def test_whom_there_is_not(tmp_path: Path, settings: str, arguments: tuple[str, ...], said: str) -> None:
    """It says so, with 64."""
    (tmp_path / "r.yaml").write_text(settings)

    result = run(tmp_path, *arguments)

    assert result.exit_code == 64
    assert said in result.stderr
