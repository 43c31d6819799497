"""What was said before the verb, and the options that several verbs share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.domain.errors import UsageError

if TYPE_CHECKING:
    from reconciler.settings import Settings

Verb = TypeVar("Verb", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The global options as they were given, handed to every verb as `click`'s `obj`; None where they were not."""

    config: Path | None = None
    state: Path | None = None
    color: bool | None = None
    log_format: str | None = None

    @property
    def use_color(self) -> bool | None:
        """Return whether to colour, NO_COLOR heeded; None leaves it to whether the stream is a terminal."""
        from reconciler import wiring

        return wiring.wants_color() if self.color is None else self.color

    def settings(self, **flags: Any) -> "Settings":
        """
        Return the settings, with those flags of a verb that were given.

        Raises:
            UsageError: a setting is not allowed.

        """
        from reconciler import wiring

        given = {SETTING_OF[name]: value for name, value in flags.items() if value not in (None, ())}
        return wiring.load_settings(self.config, {**given, "state": self.state, "logFormat": self.log_format})


SETTING_OF: Final = {
    "backend": "backend.kind",
    "profile": "backend.profile",
    "endpoint": "backend.endpoint",
    "ca_file": "backend.caFile",
    "owner": "backend.owner",
    "region": "backend.regions",
    "secrets_env": "secrets.env",
    "git": "source.git",
    "branch": "source.branch",
    "path": "source.path",
    "listen": "service.listen",
}
"""Which setting a shared option sets."""


def backend_options(verb: Verb) -> Verb:
    """Give a verb the options that choose the backend."""
    for option in (
        click.option("--region", multiple=True, help="A region to read; repeatable.  [default: all]"),
        click.option("--owner", help="Whose objects may be touched; required for a cloud account."),
        click.option(
            "--ca-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Authorities that the API's certificate may be of, PEM.  [default: those of the system]",
        ),
        click.option("--endpoint", help="HOST[:PORT] or URL of the API."),
        click.option("--profile", type=click.Choice(["mainland", "international"]), help="Which StreamLink service."),
        click.option("--backend", type=click.Choice(["relay", "streamlink"]), help="What holds the streams."),
    ):
        verb = option(verb)
    return verb


def branch_options(verb: Verb) -> Verb:
    """Give a verb the options that choose a branch on a server as the source of manifests."""
    for option in (
        click.option("--path", metavar="DIR", help="With --git: where the manifests are in it.  [default: manifests]"),
        click.option("--branch", metavar="NAME", help="With --git: the branch to follow.  [default: main]"),
        click.option("--git", metavar="URL", help="Take the manifests from a branch of this repository."),
    ):
        verb = option(verb)
    return verb


def demand_one_source(paths: tuple[Path, ...], git: str | None) -> None:
    """
    Go on only where manifests are of one place.

    Raises:
        UsageError: files and a repository were named.

    """
    if paths and git is not None:
        raise UsageError("PATH names files of this machine, and --git a repository: give one of them")


def form_option(verb: Verb) -> Verb:
    """Give a verb the option `-o`, the form of its result on stdout."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="The form of the result on stdout.",
    )(verb)


def paths_argument(verb: Verb) -> Verb:
    """Give a verb the paths of manifests as its arguments."""
    return click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")(verb)
