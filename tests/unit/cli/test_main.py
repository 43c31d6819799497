"""Tests of `cli.main`."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner

from reconciler import __version__
from reconciler.cli.main import INTERRUPTED, VERBS, Verbs, bug_report, cli
from reconciler.domain.errors import ExitStatus, StateHeldError, UnavailableError, UsageError

CANARY = "canary-of-a-passphrase"


def raising(error: BaseException) -> Callable[[], NoReturn]:
    """Return a function that raises this."""

    def fail() -> NoReturn:
        raise error

    return fail


def verb_that(act: Callable[[], object]) -> Verbs:
    """Return a command line whose verb `act` does this."""

    class Lone(Verbs):
        """A command line with one verb of the test's own."""

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
            """Return the verb."""
            return click.Command("act", callback=act)

    return Lone("test")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(UsageError("no owner"), ExitStatus.USAGE, id="usage"),
        pytest.param(StateHeldError(state="x", pid=7), ExitStatus.HELD, id="the state is held"),
        pytest.param(UnavailableError("down", maybe_applied=False), ExitStatus.BACKEND, id="the backend is away"),
        pytest.param(click.BadParameter("no number"), ExitStatus.USAGE, id="click's usage errors are ours"),
        pytest.param(click.ClickException("no file"), ExitStatus.ALL_FAILED, id="click's other failures"),
        pytest.param(KeyboardInterrupt(), INTERRUPTED, id="Ctrl-C"),
        pytest.param(click.Abort(), INTERRUPTED, id="Ctrl-C at a question"),
        pytest.param(OSError(errno.ENOSPC, CANARY), ExitStatus.ALL_FAILED, id="a full disk"),
        pytest.param(OSError(errno.EDQUOT, CANARY), ExitStatus.ALL_FAILED, id="a share that is used up"),
        pytest.param(OSError(errno.EIO, CANARY), ExitStatus.BUG, id="another trouble with a file"),
        pytest.param(ZeroDivisionError(CANARY), ExitStatus.BUG, id="a bug"),
        pytest.param(click.exceptions.Exit(4), 4, id="a verb's own status"),
        pytest.param(SystemExit(143), 143, id="a verb that was terminated"),
    ],
)
def test_what_leaves_a_verb_becomes_a_status(error: BaseException, status: int) -> None:
    """Every way to end has its exit status, and no way out shows a value that a bug may hold."""
    result = CliRunner().invoke(verb_that(raising(error)), ["act"])

    assert result.exit_code == status
    assert CANARY not in result.output
    assert "Traceback" not in result.output


def test_a_full_disk_is_no_bug() -> None:
    """It is said what is full, and where to see what was done until then."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.returncode == ExitStatus.ALL_FAILED
    assert "is full" in done.stderr
    assert "bug" not in done.stderr


def test_a_failure_is_one_line_on_stderr() -> None:
    """A foreseen failure says its text, and nothing on stdout."""
    result = CliRunner().invoke(verb_that(raising(UsageError("no owner"))), ["act"])

    assert (result.stdout, result.stderr) == ("", "error: no owner\n")


def test_a_verb_that_ends_quietly_is_ok() -> None:
    """Nothing raised is status 0."""
    assert CliRunner().invoke(verb_that(lambda: None), ["act"]).exit_code == ExitStatus.OK


def test_a_bug_report_says_where_and_not_what() -> None:
    """Places and kinds along the causes and into groups; no message, for it may quote a secret."""
    inner = ValueError(CANARY)
    inner.__cause__ = LookupError(CANARY)
    with pytest.raises(ExceptionGroup) as caught:
        raising(ExceptionGroup(CANARY, [inner]))()

    report = bug_report(caught.value)

    assert "ExceptionGroup, from ValueError, from LookupError at" in report
    assert "test_main.py" in report
    assert CANARY not in report


def test_an_unknown_verb_is_a_usage_error() -> None:
    """A verb that is not there is refused with 64, not with click's 2."""
    result = CliRunner().invoke(cli, ["frobnicate"])

    assert result.exit_code == ExitStatus.USAGE
    assert "frobnicate" in result.stderr


def test_a_slip_in_a_verb_is_told_what_is_meant() -> None:
    """Where something is near; else where to look."""
    runner = CliRunner()

    assert "did you mean validate?" in runner.invoke(cli, ["validat"]).stderr
    assert "the help lists them all" in runner.invoke(cli, ["xyzzy"]).stderr


def test_the_version_is_an_option_too() -> None:
    """As people try it first."""
    runner = CliRunner()

    assert runner.invoke(cli, ["--version"]).stdout == runner.invoke(cli, ["version"]).stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_list_is_there(verb: str) -> None:
    """What `--help` lists can be asked for its own help."""
    result = CliRunner().invoke(cli, [verb, "--help"])

    assert result.exit_code == ExitStatus.OK
    assert result.stdout.startswith("Usage:")


def test_help_lists_every_verb_and_imports_none() -> None:
    """`--help` answers at once because it loads no verb and nothing that a verb needs."""
    heavy = ("httpx", "uvicorn", "yaml", "rich", "structlog", "asyncio")
    script = (
        "import sys\nfrom reconciler.cli.main import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *(name for name in {heavy!r} if name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)

    assert all(f"  {verb}" in done.stdout for verb in VERBS)
    assert done.stdout.splitlines()[-1].strip() == "LOADED"


def test_the_module_is_the_command() -> None:
    """`python -m reconciler` is `reconciler`."""
    argv = [sys.executable, "-m", "reconciler", "version"]

    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout == f"reconciler {__version__}\n"


def test_what_goes_wrong_is_told_line_by_line(tmp_path: Path) -> None:
    """Each of them text, whatever the settings file holds."""
    settings = tmp_path / "reconciler.yaml"
    settings.write_text('backend: {kind: "##[group]x"}\nloop: {rescanS: x}\n')

    result = CliRunner().invoke(cli, ["--config", str(settings), "validate", str(tmp_path)])

    assert result.exit_code == 64
    assert len(result.stderr.splitlines()) == 3
    assert "##[" not in result.stderr
    assert "\\u000a" not in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--state", "s"], "--state goes before the verb: reconciler --state VALUE plan …"),
        (["plan", "--no-color"], "--no-color goes before the verb: reconciler --no-color plan …"),
        (["relay", "stop", "--config", "x"], "reconciler --config VALUE relay stop …"),
        (["plan", "--nope"], "No such option '--nope'"),
        (["--nope"], "No such option '--nope'"),
    ],
)
def test_an_option_in_the_wrong_place_is_told_its_place(words: list[str], said: str) -> None:
    """Nobody is pointed at another option that happens to look alike."""
    result = CliRunner().invoke(cli, words, prog_name="reconciler")

    assert result.exit_code == ExitStatus.USAGE
    assert said in result.stderr
