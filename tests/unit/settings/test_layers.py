"""Tests of `settings.layers`."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.errors import UsageError
from reconciler.settings.layers import variable_of
from tests.unit.settings.told import told

CANARY = "canary-of-a-key"


def test_defaults() -> None:
    """With nothing said, everything has its documented default."""
    settings = told()

    assert settings.backend.kind is None
    assert settings.backend.account is None
    assert settings.state == Path(".reconciler")
    assert settings.secrets.dir == Path(".reconciler/secrets")
    assert settings.secrets.env == ("STREAM_*",)
    assert (settings.loop.debounce_ms, settings.loop.max_wait_ms, settings.loop.rescan_s) == (100, 2000, 10)
    assert settings.paths == (Path("manifests"),)
    assert settings.backend.edit_rules == "auto"
    assert (settings.guard.delete_share, settings.guard.edit_share) == (0.25, 0.5)
    assert (settings.guard.twin_deadline_s, settings.guard.approvers) == (120.0, ())


FLAG = {"backend.owner": "flag"}
ENV = {"RECONCILER_BACKEND_OWNER": "env"}
FILE = {"backend": {"owner": "file"}}


@pytest.mark.parametrize(
    ("layers", "owner"),
    [
        pytest.param({"flags": FLAG, "env": ENV, "file": FILE}, "flag", id="a flag wins"),
        pytest.param({"env": ENV, "file": FILE}, "env", id="then the environment"),
        pytest.param({"file": FILE}, "file", id="then the file"),
        pytest.param({}, None, id="then the default"),
        pytest.param({"flags": {"backend.owner": None}, "file": FILE}, "file", id="an absent flag says nothing"),
        pytest.param({"env": {"RECONCILER_BACKEND_OWNER": ""}, "file": FILE}, "file", id="nor does an empty variable"),
    ],
)
def test_precedence(layers: dict[str, Any], owner: str | None) -> None:
    """The strongest layer that says something counts."""
    assert told(**layers).backend.owner == owner


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        pytest.param({"flags": {"backend.owner": "Not Mine"}}, "The option for backend.owner: 'Not Mine'", id="owner"),
        pytest.param(
            {"env": {"RECONCILER_BACKEND_KNID": "relay"}}, "did you mean RECONCILER_BACKEND_KIND", id="a slip"
        ),
        pytest.param({"env": {"RECONCILER_ZZZ": "1"}}, "RECONCILER_ZZZ is no setting; there are", id="unknown"),
        pytest.param({"file": {"loop": {"rescanS": 0}}}, "reconciler.yaml, loop.rescanS: 0", id="in the file"),
        pytest.param({"env": {"TENCENTCLOUD_SECRET_ID": "a"}}, "TENCENTCLOUD_SECRET_KEY is not", id="half a key"),
    ],
)
def test_a_mistake_is_refused_with_its_place(layers: dict[str, Any], message: str) -> None:
    """It names where it was made, and what was meant where something is near."""
    with pytest.raises(UsageError, match=message):
        told(**layers)


def test_keys_come_from_the_vendors_variables_and_are_never_shown() -> None:
    """The account's key and token are in no representation."""
    env = {
        "TENCENTCLOUD_SECRET_ID": "AKID",
        "TENCENTCLOUD_SECRET_KEY": CANARY,
        "TENCENTCLOUD_TOKEN": f"{CANARY}-token",
    }

    settings = told(env=env)

    assert settings.backend.account is not None
    assert settings.backend.account.secret_key.reveal() == CANARY
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(
    ("path", "variable"),
    [
        ("backend.editRules", "RECONCILER_BACKEND_EDIT_RULES"),
        ("loop.maxWaitMs", "RECONCILER_LOOP_MAX_WAIT_MS"),
        ("state", "RECONCILER_STATE"),
    ],
)
def test_variables_follow_from_the_path(path: str, variable: str) -> None:
    """Whoever knows the key in the file knows the variable."""
    assert variable_of(path) == variable


@pytest.mark.parametrize(
    ("env", "file", "key_file"),
    [
        pytest.param({}, {}, None, id="nobody said"),
        pytest.param({"SOPS_AGE_KEY_FILE": "theirs"}, {}, Path("theirs"), id="as sops has it"),
        pytest.param({"SOPS_AGE_KEY_FILE": "theirs"}, {"ageKeyFile": "ours"}, Path("ours"), id="ours wins"),
        pytest.param({"RECONCILER_SECRETS_AGE_KEY_FILE": "env"}, {"ageKeyFile": "ours"}, Path("env"), id="a variable"),
    ],
)
def test_where_the_age_key_is(env: dict[str, str], file: dict[str, Any], key_file: Path | None) -> None:
    """What sops's own variable names is the weakest."""
    assert told(env=env, file={"secrets": file}).secrets.age_key_file == key_file


def test_encrypted_files_are_listed() -> None:
    """In a variable with commas."""
    assert told(env={"RECONCILER_SECRETS_SOPS": "a.yaml, b.json"}).secrets.sops == (Path("a.yaml"), Path("b.json"))
