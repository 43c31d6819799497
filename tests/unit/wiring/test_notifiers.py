"""Tests of `wiring.notifiers`."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.notifying.github import GitHub
from reconciler.notifying.gitlab import GitLab
from reconciler.notifying.mail import Mail
from reconciler.notifying.slack import Slack
from reconciler.notifying.webhook import Webhook
from reconciler.ports.notifier import Stage
from reconciler.settings import Settings
from reconciler.settings.choices import NotifySettings
from reconciler.wiring.notifiers import notifications, sinks
from tests.fakes.forges import TOKEN, GitHubForge
from tests.fakes.http_server import Reply, serving
from tests.unit.notifying.bulletins import SHA, TOWER, bulletin, dark
from tests.unit.settings.test_sinks import EVERY_KIND, read
from tests.unit.settings.told import told
from tests.unit.wiring.chosen import settings_in


def chosen(folder: Path, text: str) -> Settings:
    """Return settings that name these sinks, and whose state is in a folder."""
    return replace(settings_in(folder), notify=told(file=read(text)).notify)


def test_each_kind_has_its_sink(tmp_path: Path) -> None:
    """In the order of the settings."""
    found = sinks(chosen(tmp_path, EVERY_KIND))

    assert [type(each) for each in found] == [Slack, Webhook, Mail, Mail, GitHub, GitLab]
    assert [each.name for each in found] == ["slack", "pager", "email", "desk", "github", "gitlab"]
    assert [each.name for each in sinks(chosen(tmp_path, EVERY_KIND), "desk")] == ["desk"]


def test_nobody_is_told_where_nobody_is_named(tmp_path: Path) -> None:
    """Then there is nothing to run."""
    assert settings_in(tmp_path).notify == NotifySettings()
    assert notifications(settings_in(tmp_path)) is None


@pytest.mark.anyio
async def test_whom_the_settings_name_is_told(tmp_path: Path) -> None:
    """People of what is wrong, a forge of the revision; what has to be remembered is in the state directory."""
    (tmp_path / "token").write_text(TOKEN)
    forge = GitHubForge(commits=[SHA])

    async with serving() as slack, serving(forge.answer) as github, serving(lambda _: Reply(status=404)) as gone:
        (tmp_path / "slack").write_text(slack.url)
        (tmp_path / "gone").write_text(gone.url)
        told_to = notifications(
            chosen(
                tmp_path,
                f"notify: {{sinks: [{{kind: slack, urlFile: {tmp_path}/slack}},"
                f" {{kind: webhook, urlFile: {tmp_path}/gone}},"
                f" {{kind: github, repository: acme/streams, tokenFile: {tmp_path}/token, apiUrl: '{github.url}'}}]}}",
            )
        )
        assert told_to is not None
        async with told_to:
            told_to.tell(replace(bulletin(0, dark(), stage=Stage.APPLIED), at=datetime.now(UTC)))

    assert json.loads(slack.asked[0].body)["text"] == f"[critical] local: {TOWER} is off air"
    assert [said["context"] for said in forge.statuses] == ["reconciler/local"]
    assert len(gone.asked) == 1
    assert (tmp_path / "state" / "outbox.jsonl").exists()
