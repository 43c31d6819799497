"""A branch on a server as the source of manifests, put together from the settings."""

import hashlib
import os
import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.domain.errors import UsageError
from reconciler.settings import Settings, Signatures, SourceSettings
from reconciler.wiring import machine

if TYPE_CHECKING:
    from reconciler.ports.source import ManifestFile
    from reconciler.sources.git.access import Access
    from reconciler.sources.git.address import Address
    from reconciler.sources.git.source import GitSource
    from reconciler.sources.git.trust import Trust

_FOLDER: Final = "git"
"""Below the state directory."""


def source(settings: Settings) -> "GitSource":
    """
    Return the branch that the settings say.

    Raises:
        UsageError: an address, a branch, a path or a key cannot be.
        EnvironmentFailedError: this machine cannot check signatures.

    """
    from reconciler.sources.git.address import address_of, checked_branch, checked_path
    from reconciler.sources.git.commits import CommitReader, Place
    from reconciler.sources.git.errand import Errands
    from reconciler.sources.git.follower import Follower
    from reconciler.sources.git.mirror import Mirror
    from reconciler.sources.git.remote import Remote
    from reconciler.sources.git.source import GitSource, Polling

    chosen = settings.source
    address = address_of(chosen.git, insecure_http=chosen.insecure_http)
    branch, within = checked_branch(chosen.branch), checked_path(chosen.path)
    access = _access(chosen)
    access.demand_sense(address)
    home = _home(_folder(settings.state), address, branch)
    mirror = Mirror(home, variables=machine.variables())
    remote = Remote(
        address=address,
        branch=branch,
        access=access,
        variables=machine.variables(),
        timeout_s=chosen.git_timeout_s,
        errands=Errands(),
    )
    return GitSource(
        Follower(mirror, remote, trust=_trust(chosen, home), within=within),
        partial(CommitReader(mirror.git).manifests, places=(Place(within, Path(within)),)),
        name=f"branch {branch} of {address.text}, {within or 'all of it'}",
        clock=machine.clock(),
        polling=Polling(poll_s=chosen.poll_s, jitter=random.SystemRandom().random),
    )


def manifests_at(settings: Settings, revision: str) -> "tuple[str, tuple[ManifestFile, ...]]":
    """
    Return the commit that a revision names in the mirror of the branch, and the manifests that it has.

    Raises:
        UsageError: it names none of the commits that were fetched.
        EnvironmentFailedError: git cannot read the mirror.

    """
    from reconciler.sources.git.address import address_of, checked_branch, checked_path
    from reconciler.sources.git.commits import CommitReader, Place
    from reconciler.sources.git.mirror import Mirror
    from reconciler.sources.git.repository import Repository

    chosen = settings.source
    branch, within = checked_branch(chosen.branch), checked_path(chosen.path)
    home = _home(_folder(settings.state), address_of(chosen.git, insecure_http=chosen.insecure_http), branch)
    if not home.is_dir():
        raise UsageError(
            f"The branch {branch} was not followed from here yet, so nothing is known of its commits: "
            "`reconciler plan` fetches it"
        )
    mirror = Mirror(home, variables=machine.variables())
    try:
        commit = Repository(home, environment=machine.variables()).commit(revision)
    except UsageError as error:
        raise UsageError(
            f"{error} Of the branch {branch} the newest 100 commits are there; an older one can be looked at in a "
            "clone, with `--to` and the path of its manifests."
        ) from error
    return commit, CommitReader(mirror.git).manifests(commit, (Place(within, Path(within)),))


def _folder(state: Path) -> Path:
    """Return where our mirrors are: what root fetches beside a service of another user is not what that one reads."""
    user = os.geteuid()
    is_ours = not state.exists() or state.stat().st_uid == user
    return state / (_FOLDER if is_ours else f"{_FOLDER}-{user}")


def _home(folder: Path, address: "Address", branch: str) -> Path:
    """Return where the mirror is: another one for every branch, for what is accepted of one is not of another."""
    digest = hashlib.blake2b(f"{address.text}\0{branch}".encode(), digest_size=10).hexdigest()
    return folder.absolute() / digest


def _access(chosen: SourceSettings) -> "Access":
    from reconciler.sources.git.access import Access

    return Access(
        ssh_key=chosen.ssh_key,
        ssh_known_hosts=chosen.ssh_known_hosts,
        user=chosen.user,
        token_file=chosen.token_file,
        credential_helper=chosen.credential_helper,
    )


def _trust(chosen: SourceSettings, home: Path) -> "Trust":
    from reconciler.sources.git.trust import AnyoneTrust, GpgTrust, SshTrust

    match chosen.signatures:
        case Signatures.NONE:
            return AnyoneTrust()
        case Signatures.SSH:
            file = home.with_name(f"{home.name}.signers")
            return SshTrust(chosen.signers, file=file, variables=machine.variables())
        case Signatures.GPG:
            ring = home.with_name(f"{home.name}.gnupg")
            return GpgTrust(chosen.signers_file, home=ring, variables=machine.variables())
