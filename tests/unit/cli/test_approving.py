"""Tests of approvals from the command line: `apply --approve`, and the documents of `approve`."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from reconciler import wiring
from reconciler.cli.approving import approved, astray
from reconciler.cli.main import cli
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, FlowAt, Hold, Plan, Stop
from reconciler.domain.errors import ExitStatus, UsageError
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.policies import Approval
from reconciler.domain.safety.releases import signed_text
from reconciler.manifests.reader import ManifestReader
from reconciler.ports.source import ManifestFile
from reconciler.settings import Settings
from tests.builders import LOCAL

CHANGE: Final = "123456789012"
GOOD: Final = f"output/news/tower:delete:{CHANGE}"
TREE: Final = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec: {region: local, input: {protocol: RTMP, allowlist: [127.0.0.0/8]}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec: {flow: news, protocol: RTMP_PULL, allowlist: [127.0.0.0/8]}
"""


def key_pair(folder: Path, name: str) -> Path:
    """Make an SSH key without a passphrase, and return where its private half is."""
    path = folder / name
    words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
    subprocess.run(words, check=True, capture_output=True)
    return path


def signer(path: Path) -> str:
    """Return the line of `guard.approvers` for a key."""
    kind, text, _ = path.with_suffix(".pub").read_text().split(maxsplit=2)
    return f"{path.name} {kind} {text}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings that ask for no signature."""
    return wiring.load_settings(flags={"state": tmp_path / "state"}, environment={})


@pytest.fixture
def strict(tmp_path: Path) -> Settings:
    """Return settings under which Ann must have signed."""
    file = tmp_path / "reconciler.yaml"
    file.write_text(f"guard: {{approvers: ['{signer(key_pair(tmp_path, 'ann'))}']}}\n")
    return wiring.load_settings(config=file, flags={"state": tmp_path / "state"}, environment={})


def given(
    settings: Settings, *approve: str, reason: str = "the partner left", key: Path | None = None
) -> list[Approval]:
    """Return what the command line approves, for half an hour."""
    return list(approved(settings, approve=approve, reason=reason, expires="30m", sign_with=key))


def test_one_change_is_approved_with_reason_and_expiry(settings: Settings) -> None:
    """It names resource, action and id, and nothing else; each that is given is one."""
    before = datetime.now(UTC).replace(microsecond=0)

    first, second = given(settings, GOOD, f"flow/news:stop:{'a' * 12}", reason="  the partner left ")

    assert (first.resource, first.action, first.change) == (OutputKey("news", "tower"), Action.DELETE, CHANGE)
    assert (first.reason, first.name, first.signature) == ("the partner left", "", "")
    assert before + timedelta(minutes=30) <= first.expires <= datetime.now(UTC) + timedelta(minutes=30)
    assert (str(second.resource), second.action) == ("flow/news", Action.STOP)


def test_an_address_may_be_without_its_kind(settings: Settings) -> None:
    """As everywhere on the command line."""
    assert [str(one.resource) for one in given(settings, f"news/tower:delete:{CHANGE}")] == ["output/news/tower"]


def test_without_approvals_there_are_none(settings: Settings) -> None:
    """An apply as it always was."""
    assert given(settings, reason="") == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["--approve", "output/news/tower"], "is no change: say RESOURCE, ACTION and ID", id="no id"),
        pytest.param(["--approve", f"a/b/c:delete:{CHANGE}"], "is no address", id="no address"),
        pytest.param(["--approve", f"output/news/tower:remove:{CHANGE}"], "is no change", id="no action"),
        pytest.param(["--approve", "output/news/tower:delete:12345"], "is no change", id="a short id"),
        pytest.param(["--approve", f"{GOOD}:x"], "is no change", id="more than an id"),
        pytest.param(["--approve", f"flow/news:create:{CHANGE}"], "of flow/news needs no approval", id="needless"),
        pytest.param(["--approve", GOOD, "--reason", " "], "recorded with its reason", id="no reason"),
        pytest.param(["--approve", GOOD, "--reason", "WHY"], "Say why you do it", id="the placeholder"),
        pytest.param(["--approve", GOOD, "--reason", "'why'"], "Say why you do it", id="the placeholder, typed"),
        pytest.param(["--approve", GOOD, "--reason", "x" * 501], "at most 500 characters", id="a long reason"),
        pytest.param(["--approve", GOOD, "--reason", "a\nb"], "one line", id="a reason of two lines"),
        pytest.param(["--approve", GOOD, "--expires", "soon"], "--expires soon is no span", id="no span"),
        pytest.param(["--approve", GOOD, "--expires", "0m"], "is no span", id="no time at all"),
        pytest.param(["--reason", "x"], "give --approve RESOURCE:ACTION:ID, too", id="a reason for nothing"),
        pytest.param(["--approve", GOOD, "--sign-with", "/no/key"], "does not exist", id="no key"),
    ],
)
def test_what_is_no_approval_is_refused_before_anything_is_asked(words: list[str], why: str, tmp_path: Path) -> None:
    """The message says what is wrong; no backend was started or asked."""
    reason = [] if "--reason" in words else ["--reason", "the partner left"]

    result = CliRunner().invoke(cli, ["--state", str(tmp_path), "apply", "--auto-approve", *words, *reason])

    assert result.exit_code == ExitStatus.USAGE
    assert why in result.stderr


def test_where_approvers_are_named_nobody_else_approves(strict: Settings, tmp_path: Path) -> None:
    """Unsigned, and signed by somebody else, it is refused; the approver's own is taken."""
    ann, eve = tmp_path / "ann", key_pair(tmp_path, "eve")

    with pytest.raises(UsageError, match="none of them signed this"):
        given(strict, GOOD)
    with pytest.raises(UsageError, match="none of them signed this"):
        given(strict, GOOD, key=eve)
    (approval,) = given(strict, GOOD, key=ann)

    assert wiring.verifier(strict).signer(signed_text(approval), approval.signature) == "ann"
    longer = replace(approval, expires=approval.expires + timedelta(days=1))
    assert wiring.verifier(strict).signer(signed_text(longer), approval.signature) is None


def printed(tmp_path: Path, *words: str, config: Path | None = None) -> Result:
    """Return what `approve` prints."""
    first = ["--state", str(tmp_path / "state"), *(["--config", str(config)] if config else [])]
    return CliRunner().invoke(cli, [*first, "approve", *words, "--expires", "2h"])


def read(text: str) -> Approval:
    """Return the approval of a document, in a tree that validates with it."""
    files = tuple(ManifestFile(path=name, content=said.encode()) for name, said in (("a", TREE), ("b", text)))
    verdict = ManifestReader().read(files)
    assert [str(finding) for finding in verdict.findings] == []
    (approval,) = verdict.policies.approvals
    return approval


@pytest.mark.parametrize("change", [CHANGE, "1e1234567890", "0x1234567890"[2:] + "ab", "abcdefabcdef"])
def test_the_document_says_what_was_approved(change: str, tmp_path: Path) -> None:
    """It validates, its name is of its own, and its id is text to every reader of YAML."""
    result = printed(tmp_path, "news/tower", "delete", change, "--reason", "no: it's #1, 'gone'")

    approval = read(result.stdout)
    assert (str(approval.resource), approval.action, approval.change) == ("output/news/tower", "delete", change)
    assert (approval.reason, approval.name) == ("no: it's #1, 'gone'", f"tower_delete_{change}")
    assert timedelta(hours=1, minutes=59) < approval.expires - datetime.now(UTC) <= timedelta(hours=2)
    assert f'change: "{change}"' in result.stdout


def test_a_long_name_makes_a_name_that_fits(tmp_path: Path) -> None:
    """Names have 32 characters at most."""
    long = "n" * 32
    result = printed(tmp_path, f"flow/{long}", "recreate", CHANGE, "--reason", "x")

    (name,) = (line for line in result.stdout.splitlines() if line.startswith("metadata"))
    assert name == f"metadata: {{name: {'n' * 10}_recreate_{CHANGE}}}"


def test_a_signed_document_holds_after_it_was_read(strict: Settings, tmp_path: Path) -> None:
    """What was signed is what the document says, to the second and the letter."""
    config, ann = tmp_path / "reconciler.yaml", str(tmp_path / "ann")
    words = ("output/news/tower", "delete", CHANGE, "--reason", "the partner left")

    unsigned = printed(tmp_path, *words, config=config)
    signed = printed(tmp_path, *words, "--sign-with", ann, config=config)

    assert (unsigned.exit_code, unsigned.stdout) == (ExitStatus.USAGE, "")
    approval = read(signed.stdout)
    assert wiring.verifier(strict).signer(signed_text(approval), approval.signature) == "ann"


def test_the_placeholder_is_no_reason_of_a_document_either(tmp_path: Path) -> None:
    """Pasted as it was printed, it would stand in git as why somebody was cut off."""
    result = printed(tmp_path, "news/tower", "delete", CHANGE, "--reason", "WHY")

    assert (result.exit_code, result.stdout) == (ExitStatus.USAGE, "")


def test_an_approval_that_fits_nothing_is_told(settings: Settings) -> None:
    """Whoever approved of what is no longer planned learns it, with the id of what is."""
    stop = Stop(key=FlowKey("news"), at=FlowAt(LOCAL, "news"))
    held = Blocked(key=stop.key, action=stop.action, why="on air", hold=Hold.ON_AIR, change=stop)
    right, wrong, other = given(settings, f"flow/news:stop:{change_id(stop)}", f"flow/news:stop:{CHANGE}", GOOD)

    for plan in (Plan(changes=(stop,)), Plan(blocked=(held,))):
        another, gone = astray([wrong, other], plan)
        assert list(astray([right], plan)) == []
        assert another.startswith(f"The approval of flow/news:stop:{CHANGE} releases nothing: what is planned for it ")
        assert f"another change by now, {change_id(stop)}." in another
        assert gone == f"The approval of {GOOD} releases nothing: no delete of it is planned."


@pytest.mark.parametrize("is_right", [True, False])
def test_what_no_approval_lifts_is_told_to_whoever_gives_one(settings: Settings, *, is_right: bool) -> None:
    """Whether it names the change or not: nobody is sent to approve of another id in vain."""
    stop = Stop(key=FlowKey("news"), at=FlowAt(LOCAL, "news"))
    held = Blocked(key=stop.key, action=Action.STOP, why="it is protected", hold=Hold.PROTECTED, change=stop)
    change = change_id(stop) if is_right else CHANGE

    told = list(astray(given(settings, f"flow/news:stop:{change}"), Plan(blocked=(held,))))

    releases = f"The approval of flow/news:stop:{change} releases nothing"
    assert told == [f"{releases}: no approval lifts what holds it back (protected): it is protected."]


def test_an_approval_of_what_a_saved_plan_does_not_hold_is_told(settings: Settings) -> None:
    """It is planned and it is held back, and yet nothing of it is sent with that plan."""
    stop = Stop(key=FlowKey("news"), at=FlowAt(LOCAL, "news"))
    held = Blocked(key=stop.key, action=stop.action, why="on air", hold=Hold.ON_AIR, change=stop)
    right = given(settings, f"flow/news:stop:{change_id(stop)}")

    (told,) = astray(right, Plan(blocked=(held,)), is_saved=True)

    assert told.endswith("the saved plan does not hold it, and nothing else is sent. Approve it without --plan.")
    assert list(astray(right, Plan(changes=(stop,)), is_saved=True)) == []
