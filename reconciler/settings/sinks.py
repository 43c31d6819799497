"""Who is told: one frozen value for each sink, as the settings file says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

USUAL: Final = ("critical", "warning", "resolved")
GITHUB: Final = "https://api.github.com"
GITLAB: Final = "https://gitlab.com/api/v4"
PORTS: Final[Mapping[str, int]] = {"starttls": 587, "tls": 465, "none": 25}
"""Where mail is handed in, by how it is protected. Source: RFC 8314, RFC 6409."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSink:
    """A webhook of one's own."""

    name: str
    on: tuple[str, ...]
    url_file: Path
    key_file: Path | None
    ca_file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSink:
    """An incoming webhook of Slack."""

    name: str
    on: tuple[str, ...]
    url_file: Path
    ca_file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSink:
    """Mail to some addresses."""

    name: str
    on: tuple[str, ...]
    host: str
    port: int
    security: str
    """starttls, tls or none."""
    user: str
    """"" for no login."""
    password_file: Path | None
    sender: str
    recipients: tuple[str, ...]
    ca_file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSink:
    """A repository on GitHub, or a project on GitLab."""

    kind: str
    """github or gitlab."""
    name: str
    repository: str
    """OWNER/NAME; of GitLab the project's path or number."""
    token_file: Path
    api_url: str
    """Without a slash at its end."""
    ca_file: Path | None


SinkSettings = WebhookSink | SlackSink | EmailSink | ForgeSink


def sinks(value: Any) -> tuple[SinkSettings, ...]:
    """
    Return the sinks that the settings file says, which has been checked against its schema.

    Raises:
        ValueError: it is text, or two sinks have one name.

    """
    # From the environment it is text.
    if value == f"{value}":
        raise ValueError("who is told can only be said in the settings file")
    found = tuple(map(_sink, value))
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two sinks are called {name!r}; give each a `name` of its own")
    return found


def _sink(said: Mapping[str, Any]) -> SinkSettings:
    name = said.get("name", said["kind"])
    on = tuple(said.get("on", USUAL))
    ca_file = _path(said, "caFile")
    match said["kind"]:
        case "webhook":
            return WebhookSink(
                name=name,
                on=on,
                url_file=Path(said["urlFile"]).expanduser(),
                key_file=_path(said, "keyFile"),
                ca_file=ca_file,
            )
        case "slack":
            return SlackSink(name=name, on=on, url_file=Path(said["urlFile"]).expanduser(), ca_file=ca_file)
        case "email":
            return _email(said, name=name, on=on)
        case kind:
            return ForgeSink(
                kind=kind,
                name=name,
                repository=said["repository" if kind == "github" else "project"],
                token_file=Path(said["tokenFile"]).expanduser(),
                api_url=said.get("apiUrl", GITHUB if kind == "github" else GITLAB).rstrip("/"),
                ca_file=ca_file,
            )


def _email(said: Mapping[str, Any], *, name: str, on: tuple[str, ...]) -> EmailSink:
    if ("user" in said) != ("passwordFile" in said):
        raise ValueError(f"the sink {name!r} has one of `user` and `passwordFile`; a login needs both")
    security = said.get("security", "starttls")
    return EmailSink(
        name=name,
        on=on,
        host=said["host"],
        port=said.get("port", PORTS[security]),
        security=security,
        user=said.get("user", ""),
        password_file=_path(said, "passwordFile"),
        sender=said["from"],
        recipients=tuple(said["to"]),
        ca_file=_path(said, "caFile"),
    )


def _path(said: Mapping[str, Any], key: str) -> Path | None:
    return Path(said[key]).expanduser() if key in said else None
