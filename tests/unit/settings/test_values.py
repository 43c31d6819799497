"""Tests of `settings.values`."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.errors import UsageError
from reconciler.settings.choices import BackendKind, Listen, LogFormat, Profile, ServiceSettings, Signatures
from tests.unit.settings.told import told


def test_every_kind_of_value_is_read_from_the_environment() -> None:
    """Text becomes what the setting is."""
    settings = told(
        env={
            "RECONCILER_BACKEND_KIND": "streamlink",
            "RECONCILER_BACKEND_PROFILE": "international",
            "RECONCILER_BACKEND_REGIONS": "local, eu-frankfurt,",
            "RECONCILER_BACKEND_RATE_PER_S": "7.5",
            "RECONCILER_BACKEND_CA_FILE": "/etc/relay/ca.pem",
            "RECONCILER_BACKEND_INSECURE_HTTP": "true",
            "RECONCILER_LOOP_DEBOUNCE_MS": "250",
            "RECONCILER_LOG_FORMAT": "json",
            "RECONCILER_SOURCE_PATHS": "a,b",
            "RECONCILER_STATE": "/var/lib/x",
        }
    )

    assert settings.backend.kind is BackendKind.STREAMLINK
    assert settings.backend.profile is Profile.INTERNATIONAL
    assert settings.backend.regions == ("local", "eu-frankfurt")
    assert settings.backend.rate_per_s == 7.5
    assert settings.backend.ca_file == Path("/etc/relay/ca.pem")
    assert settings.backend.insecure_http is True
    assert settings.loop.debounce_ms == 250
    assert settings.log_format is LogFormat.JSON
    assert settings.paths == (Path("a"), Path("b"))
    assert settings.secrets.dir == Path("/var/lib/x/secrets")


def test_the_service_is_told_where_to_listen() -> None:
    """And what to ask for."""
    env = {
        "RECONCILER_SERVICE_LISTEN": "[::1]:8443",
        "RECONCILER_SERVICE_TOKEN_FILE": "/run/tokens",
        "RECONCILER_SERVICE_WEBHOOK_SECRET_FILE": "/run/secrets",
        "RECONCILER_SERVICE_BITRATE_SERIES": "0",
    }

    settings = told(env=env, file={"service": {"certFile": "c.pem", "keyFile": "k.pem"}})

    assert settings.service == ServiceSettings(
        listen=Listen("::1", 8443),
        token_file=Path("/run/tokens"),
        webhook_secret_file=Path("/run/secrets"),
        cert_file=Path("c.pem"),
        key_file=Path("k.pem"),
        bitrate_series=0,
    )
    assert told().service == ServiceSettings()


@pytest.mark.parametrize("listen", ["8080", ":8080", "localhost:8080", "127.0.0.1:", "127.0.0.1:65536", "1.2.3:8"])
def test_a_place_to_listen_is_an_address_of_this_machine(listen: str) -> None:
    """A name may stand for several, and a slip for none."""
    with pytest.raises(UsageError, match=r"service\.listen: .*, such as 127\.0\.0\.1"):
        told(flags={"service.listen": listen})


ANNA = "anna ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7 anna@example"
BERTA = "berta@example sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"


def test_the_guard_is_told_from_the_file_and_from_the_environment() -> None:
    """Shares and deadlines are numbers, approvers are lines."""
    env = {
        "RECONCILER_GUARD_DELETE_SHARE": "0.1",
        "RECONCILER_GUARD_EDIT_SHARE": "1",
        "RECONCILER_GUARD_TWIN_DEADLINE_S": "300",
        "RECONCILER_GUARD_TRIAL_S": "30",
        "RECONCILER_GUARD_APPROVERS": f"{ANNA}\n\n  {BERTA}\n",
        "RECONCILER_BACKEND_EDIT_RULES": "strict-2021",
    }
    file = {
        "guard": {"deleteShare": 0.1, "editShare": 1, "twinDeadlineS": 300, "trialS": 30, "approvers": [ANNA, BERTA]},
        "backend": {"editRules": "strict-2021"},
    }

    assert told(env=env).guard == told(file=file).guard
    assert told(env=env).guard.approvers == (ANNA, BERTA)
    assert told(env=env).guard.delete_share == 0.1
    assert told(env=env).backend.edit_rules == told(file=file).backend.edit_rules == "strict-2021"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("anna", id="no key"),
        pytest.param("anna AAAAC3NzaC1lZDI1NTE5AAAAIJ7", id="no type"),
        pytest.param("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7", id="no name"),
        pytest.param(f"# {ANNA}", id="a comment"),
        pytest.param(ANNA.replace("anna ", "* "), id="everybody"),
        pytest.param(ANNA.replace("anna ", "anna,berta "), id="two at once"),
        pytest.param(ANNA.replace("ssh-ed25519", "cert-authority ssh-ed25519"), id="an option"),
    ],
)
def test_an_approver_who_could_never_approve_is_refused(line: str) -> None:
    """A slip would otherwise show on the day when somebody has to sign."""
    with pytest.raises(UsageError, match="NAME KEY-TYPE KEY"):
        told(file={"guard": {"approvers": [line]}})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        pytest.param({"env": {"RECONCILER_GUARD_DELETE_SHARE": "1.1"}}, "not within 0 to 1", id="more than all"),
        pytest.param({"file": {"guard": {"twinDeadlineS": 0}}}, "not within 1 to 86400", id="no time for a twin"),
        pytest.param({"file": {"backend": {"editRules": "2022"}}}, "none of auto, live-2023", id="unknown rules"),
        pytest.param({"env": {"RECONCILER_BACKEND_KIND": "etcd"}}, "none of relay, streamlink", id="choice"),
        pytest.param({"env": {"RECONCILER_BACKEND_INSECURE_HTTP": "yes"}}, "neither true nor false", id="no flag"),
        pytest.param({"env": {"RECONCILER_LOOP_DEBOUNCE_MS": "soon"}}, "is no whole number", id="no number"),
        pytest.param({"env": {"RECONCILER_LOOP_RESCAN_S": "0"}}, "not within 1 to 86400", id="out of range"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(layers: dict[str, Any], message: str) -> None:
    """The message names what is allowed."""
    with pytest.raises(UsageError, match=message):
        told(**layers)


def test_a_branch_is_told_from_the_file_and_from_the_environment() -> None:
    """Every setting of it has both forms."""
    env = {
        "RECONCILER_SOURCE_GIT": "https://forge.example/news.git",
        "RECONCILER_SOURCE_BRANCH": "live",
        "RECONCILER_SOURCE_PATH": "tv/manifests",
        "RECONCILER_SOURCE_POLL_S": "5",
        "RECONCILER_SOURCE_GIT_TIMEOUT_S": "0.5",
        "RECONCILER_SOURCE_SIGNATURES": "ssh",
        "RECONCILER_SOURCE_SIGNERS": f"{ANNA}\n{BERTA}",
        "RECONCILER_SOURCE_SIGNERS_FILE": "/etc/keys.asc",
        "RECONCILER_SOURCE_SSH_KEY": "/etc/key",
        "RECONCILER_SOURCE_SSH_KNOWN_HOSTS": "/etc/hosts",
        "RECONCILER_SOURCE_USER": "bot",
        "RECONCILER_SOURCE_TOKEN_FILE": "/run/token",
        "RECONCILER_SOURCE_CREDENTIAL_HELPER": "/usr/bin/helper",
        "RECONCILER_SOURCE_INSECURE_HTTP": "true",
    }
    file = {
        "source": {
            "git": "https://forge.example/news.git", "branch": "live", "path": "tv/manifests", "pollS": 5,
            "gitTimeoutS": 0.5, "signatures": "ssh", "signers": [ANNA, BERTA], "signersFile": "/etc/keys.asc",
            "sshKey": "/etc/key", "sshKnownHosts": "/etc/hosts", "user": "bot", "tokenFile": "/run/token",
            "credentialHelper": "/usr/bin/helper", "insecureHttp": True,
        }
    }  # fmt: skip

    from_env = told(env=env)

    assert from_env.source == told(file=file).source
    assert from_env.source.signatures is Signatures.SSH
    assert from_env.source.signers == (ANNA, BERTA)
    assert from_env.source.git_timeout_s == 0.5
    assert from_env.paths == ()


def test_manifests_have_one_place() -> None:
    """A branch wins over files that are named elsewhere, and one file does not say both."""
    branch = "https://forge.example/news.git"

    assert told(env={"RECONCILER_SOURCE_GIT": branch}, file={"source": {"paths": ["a"]}}).paths == ()
    assert told().source.git == ""
    with pytest.raises(UsageError, match=r"source\.git takes manifests from a server, and source\.paths"):
        told(file={"source": {"git": branch, "paths": ["a"]}})
