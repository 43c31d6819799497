"""What a pass starts from: manifests, of files or of a commit; who reads and writes them; and the vault of secrets."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.domain.errors import UsageError
from reconciler.settings import Settings
from reconciler.wiring import branches, machine

if TYPE_CHECKING:
    from reconciler.manifests.reader import ManifestReader
    from reconciler.ports.secrets import Vault
    from reconciler.ports.source import ManifestFile, Reader, Source, Verdict
    from reconciler.ports.writer import Writer
    from reconciler.sources.git.repository import Repository


def source(settings: Settings, paths: Sequence[Path] = ()) -> "Source":
    """
    Return the tree of manifests: the given paths, else those of the settings, or the branch that they say.

    Raises:
        UsageError: what the settings say of the branch cannot be.
        EnvironmentFailedError: this machine cannot check its signatures.

    """
    if is_followed(settings, paths):
        return branches.source(settings)
    from reconciler.sources.directory import DirectorySource

    return DirectorySource(tuple(paths) or settings.paths, proofs=settings.state / "watch", clock=machine.clock())


def is_followed(settings: Settings, paths: Sequence[Path] = ()) -> bool:
    """Return whether manifests come from a branch on a server; paths that are given win over the settings."""
    return bool(settings.source.git) and not paths


def paths_here(settings: Settings) -> tuple[Path, ...]:
    """Return where manifests are in the working directory, also where they are usually taken from a server."""
    return settings.paths or (Path(settings.source.path),)


def files(paths: Sequence[Path]) -> "tuple[ManifestFile, ...]":
    """Return the manifests at or below paths as they are now."""
    from reconciler.sources.scanning import Scanner

    return Scanner(paths).files()


def demand_paths(settings: Settings, paths: Sequence[Path]) -> None:
    """
    Go on only where the manifests are there.

    Raises:
        UsageError: a path does not exist.

    """
    from reconciler.sources.listing import missing
    from reconciler.sources.scanning import shown

    if is_followed(settings, paths):
        return
    if absent := missing(tuple(paths) or settings.paths):
        names = ", ".join(shown(str(path)) for path in absent)
        raise UsageError(f"There is nothing at {names}. `reconciler init` writes a first working tree of manifests.")


def manifest_reader(settings: Settings) -> "ManifestReader":
    """Return what reads manifests, and can show their lines."""
    from reconciler.manifests.reader import ManifestReader

    return ManifestReader(secrets_env=settings.secrets.env, egress=settings.backend.egress)


def reader(settings: Settings) -> "Reader":
    """Return what reads manifests."""
    return manifest_reader(settings)


def writer() -> "Writer":
    """Return what writes manifests."""
    from reconciler.manifests.writing import ManifestWriter

    return ManifestWriter()


def vault(settings: Settings, *, environment: Mapping[str, str] | None = None) -> "Vault":
    """Return where secrets are looked up."""
    from reconciler.sources.sops import SopsFile
    from reconciler.sources.vault import SecretVault

    env, secrets = machine.variables() if environment is None else environment, settings.secrets
    programs = env.get("PATH", os.defpath)
    return SecretVault(
        env=env,
        env_patterns=secrets.env,
        directory=secrets.dir,
        encrypted=[SopsFile(path, key_file=secrets.age_key_file, programs=programs) for path in secrets.sops],
        own=own_files(settings),
    )


def own_files(settings: Settings) -> Mapping[Path, str]:
    """Return the files that settings name, by the setting: what is in them is for nobody's stream."""
    groups = {
        "backend": settings.backend,
        "source": settings.source,
        "secrets": settings.secrets,
        "service": settings.service,
        **{f"notify.sinks {sink.name}": sink for sink in settings.notify.sinks},
    }
    return {
        value: f"{name}.{_as_in_settings(field.name)}"
        for name, group in groups.items()
        for field in dataclasses.fields(group)
        if isinstance(value := getattr(group, field.name), Path)
    }


def _as_in_settings(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Two commits, and where what is between them began."""

    base: str
    head: str
    began: str
    """The commit that both have in common last: what `head` changes, it changes after this one. Else the base."""
    is_related: bool
    """Whether they have a commit in common."""


def branch(base: str, head: str = "HEAD") -> Branch:
    """
    Return the commits that two revisions of the repository here name.

    Raises:
        UsageError: there is no such commit.
        EnvironmentFailedError: git is not there.

    """
    repository = _repository()
    base, head = repository.commit(base), repository.commit(head)
    met = repository.meeting(base, head)
    return Branch(base=base, head=head, began=met or base, is_related=met is not None)


def verdict_at(settings: Settings, paths: Sequence[Path], commit: str) -> "Verdict":
    """
    Return what the manifests at or below paths say at a commit of the repository here.

    Raises:
        UsageError: a path is not in the repository.
        EnvironmentFailedError: git is not there.

    """
    return reader(settings).read(_repository().manifests(commit, tuple(paths) or paths_here(settings)))


def verdict_of(settings: Settings, paths: Sequence[Path], revision: str) -> "tuple[str, Verdict]":
    """
    Return the commit that a revision names, and its manifests: of the branch that is followed, else of the one here.

    Raises:
        UsageError: there is no such commit, or a path is not in the repository.
        EnvironmentFailedError: git is not there.

    """
    if is_followed(settings, paths):
        commit, found = branches.manifests_at(settings, revision)
        return commit, reader(settings).read(found)
    commit = _repository().commit(revision)
    return commit, verdict_at(settings, paths, commit)


def verdict_now(settings: Settings, paths: Sequence[Path]) -> "Verdict":
    """
    Return what the manifests say as they are now: at or below paths, else where the settings have them.

    Raises:
        UsageError: a path does not exist.
        SourceUnreadableError: they come from a server, and nothing of them is known.

    """
    if is_followed(settings, paths):
        import asyncio

        return reader(settings).read(asyncio.run(source(settings).snapshot()).files)
    demand_paths(settings, paths)
    return reader(settings).read(files(tuple(paths) or settings.paths))


def _repository() -> "Repository":
    from reconciler.sources.git.repository import Repository

    return Repository(Path(), environment=machine.variables())
