"""Who is told, as the settings file says it."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.errors import UsageError
from reconciler.manifests.settings_file import read_settings
from reconciler.ports.source import ManifestFile
from reconciler.settings.choices import NotifySettings
from reconciler.settings.sinks import EmailSink, ForgeSink, SlackSink, WebhookSink
from tests.unit.settings.told import told

EVERY_KIND = """\
notify:
  dampS: 30
  sinks:
    - {kind: slack, urlFile: /run/secrets/slack}
    - {kind: webhook, name: pager, urlFile: pager, keyFile: pager-key, on: [critical], caFile: ca.pem}
    - {kind: email, host: mail.example, from: reconciler@studio.example, to: [night@example.org]}
    - {kind: email, name: desk, host: 127.0.0.1, port: 2525, security: tls, user: me, passwordFile: p,
       from: a@b, to: [c@d, e@f], on: [info, resolved], caFile: ca.pem}
    - {kind: github, repository: acme/streams, tokenFile: token}
    - {kind: gitlab, project: acme/live/streams, tokenFile: token, apiUrl: "https://git.example/api/v4/", caFile: c}
"""
USUAL = ("critical", "warning", "resolved")


def read(text: str) -> Any:
    """Return what a settings file says, which has to fit its schema."""
    reading = read_settings(ManifestFile(path="reconciler.yaml", content=text.encode()))
    assert [str(finding) for finding in reading.findings] == []
    return reading.values


def test_nobody_is_told_by_default() -> None:
    """And a warning would wait for a minute."""
    assert told().notify == NotifySettings(damp_s=60.0, sinks=())


def test_every_kind() -> None:
    """With what is usual where nothing is said."""
    notify = told(file=read(EVERY_KIND)).notify

    assert notify.damp_s == 30
    assert notify.sinks == (
        SlackSink(name="slack", on=USUAL, url_file=Path("/run/secrets/slack"), ca_file=None),
        WebhookSink(
            name="pager", on=("critical",), url_file=Path("pager"), key_file=Path("pager-key"), ca_file=Path("ca.pem")
        ),
        EmailSink(
            name="email",
            on=USUAL,
            host="mail.example",
            port=587,
            security="starttls",
            user="",
            password_file=None,
            sender="reconciler@studio.example",
            recipients=("night@example.org",),
            ca_file=None,
        ),
        EmailSink(
            name="desk",
            on=("info", "resolved"),
            host="127.0.0.1",
            port=2525,
            security="tls",
            user="me",
            password_file=Path("p"),
            sender="a@b",
            recipients=("c@d", "e@f"),
            ca_file=Path("ca.pem"),
        ),
        ForgeSink(
            kind="github",
            name="github",
            repository="acme/streams",
            token_file=Path("token"),
            api_url="https://api.github.com",
            ca_file=None,
        ),
        ForgeSink(
            kind="gitlab",
            name="gitlab",
            repository="acme/live/streams",
            token_file=Path("token"),
            api_url="https://git.example/api/v4",
            ca_file=Path("c"),
        ),
    )


@pytest.mark.parametrize(
    ("sinks", "message"),
    [
        pytest.param(
            "[{kind: slack, urlFile: a}, {kind: slack, urlFile: b}]",
            "two sinks are called 'slack'",
            id="one name twice",
        ),
        pytest.param(
            "[{kind: email, host: a, from: a@b, to: [a@b], user: me}]", "a login needs both", id="half a login"
        ),
    ],
)
def test_what_does_not_go_together(sinks: str, message: str) -> None:
    """It is refused, and says what to do."""
    with pytest.raises(UsageError, match=message):
        told(file=read(f"notify: {{sinks: {sinks}}}\n"))


def test_the_environment_names_nobody() -> None:
    """A list of mappings is for the file."""
    with pytest.raises(UsageError, match="only be said in the settings file"):
        told(env={"RECONCILER_NOTIFY_SINKS": "slack"})


@pytest.mark.parametrize(
    ("sink", "finding"),
    [
        pytest.param("kind: slak, urlFile: x", "SL104 error", id="no such kind"),
        pytest.param("urlFile: x", "SL102 error", id="no kind"),
        pytest.param("kind: slack", "SL102 error", id="no address"),
        pytest.param(
            "kind: slack, urlFile: x, url: https://hooks.example/canary", "SL101 error", id="the secret itself"
        ),
        pytest.param("kind: slack, urlFile: x, host: y", "`host` does not belong to kind slack", id="of another kind"),
        pytest.param('kind: email, host: x, from: "a@b\\n", to: [a@b]', "SL106 error", id="a line end in an address"),
        pytest.param("kind: github, repository: x, tokenFile: y", "SL106 error", id="no repository"),
        pytest.param("kind: gitlab, project: a/../b?, tokenFile: y", "SL106 error", id="no project"),
        pytest.param("kind: slack, urlFile: x, on: [all]", "SL104 error", id="no such word"),
    ],
)
def test_what_is_wrong_is_found_at_its_place(sink: str, finding: str) -> None:
    """And a secret that was written out is not repeated."""
    text = f"notify: {{sinks: [{{{sink}}}]}}\n"

    reading = read_settings(ManifestFile(path="r.yaml", content=text.encode()))

    shown = [str(each) for each in reading.findings]
    assert len(shown) == 1
    assert finding in shown[0]
    assert "canary" not in shown[0]
