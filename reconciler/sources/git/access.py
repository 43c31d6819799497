"""How git proves to a server who asks: no secret is on a command line, in an environment, or in a file of git's."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.domain.errors import SourceUnreadableError, UsageError
from reconciler.sources.git.address import HTTP, Address
from reconciler.sources.git.program import harmless
from reconciler.sources.scanning import shown

DEFAULT_USER: Final = "git"
"""Forges look at a token alone, but a name must be given."""
MAX_TOKEN_BYTES: Final = 4096

_NETWORK: Final = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
)
"""What of the environment says how servers are reached."""
# The shell reads the file itself: what it read is in no program's arguments.
_ASKING_A_FILE: Final = (
    '!f() { test "$1" = get || return 0; '
    'IFS= read -r token < "$RECONCILER_GIT_TOKEN_FILE" || test -n "$token" || return 1; '
    'token=${token%"$(printf "\\r")"}; '
    'printf "username=%s\\npassword=%s\\n" "$RECONCILER_GIT_USER" "$token"; }; f'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What people chose of `source.sshKey`, `source.tokenFile` and so on."""

    ssh_key: Path | None = None
    ssh_known_hosts: Path | None = None
    user: str = ""
    token_file: Path | None = None
    credential_helper: str = ""

    def demand_sense(self, address: Address) -> None:
        """
        Go on only where what was chosen fits the address.

        Raises:
            UsageError: something would not be used, or cannot be.

        """
        of_http = {
            "source.user": self.user,
            "source.tokenFile": self.token_file,
            "source.credentialHelper": self.credential_helper,
        }
        of_ssh = {"source.sshKey": self.ssh_key, "source.sshKnownHosts": self.ssh_known_hosts}
        unused = {} if address.scheme in HTTP else of_http
        unused |= {} if address.scheme == "ssh" else of_ssh
        for name, value in unused.items():
            if value:
                raise UsageError(f"{name} is of no use for {shown(address.text)}: it is not spoken to like that.")
        if self.token_file is not None and self.credential_helper:
            raise UsageError("source.tokenFile and source.credentialHelper both say who asks: give one of them.")
        for name, text in (("source.user", self.user), ("source.credentialHelper", self.credential_helper)):
            if not text.isprintable():
                raise UsageError(f"{name} holds characters that cannot be printed.")
        for name, path in of_ssh.items():
            if path is not None and ('"' in str(path) or not str(path).isprintable()):
                raise UsageError(f"{name}: OpenSSH cannot be given the path {shown(str(path))!r}.")

    def settings(self, address: Address, *, timeout_s: float) -> tuple[str, ...]:
        """Return the settings that git gets; those of http are for the host of the address alone."""
        slow = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={max(1, round(timeout_s))}")
        # The first answer may say that a repository has moved; no other host is given credentials there.
        common = ("-c", "http.followRedirects=initial", *slow)
        if address.scheme not in HTTP:
            return common
        helper = _ASKING_A_FILE if self.token_file is not None else self.credential_helper
        chosen = {"helper": helper, "username": self.user}
        of_host = [f"credential.{address.base}.{key}={value}" for key, value in chosen.items() if value]
        return common + tuple(word for setting in of_host for word in ("-c", setting))

    def environment(self, address: Address, variables: Mapping[str, str], *, timeout_s: float) -> dict[str, str]:
        """
        Return the environment that git gets.

        Raises:
            SourceUnreadableError: a file that is named cannot be read.

        """
        keeping = _NETWORK if self.ssh_key is not None else (*_NETWORK, "SSH_AUTH_SOCK")
        made = harmless(variables, keeping=keeping) | {
            "GIT_ALLOW_PROTOCOL": address.scheme,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS_REQUIRE": "never",
        }
        if address.scheme == "ssh":
            return made | {"GIT_SSH_COMMAND": shlex.join(self._ssh(timeout_s)), "GIT_SSH_VARIANT": "ssh"}
        if self.token_file is not None:
            _token(self.token_file)
            made["RECONCILER_GIT_USER"] = self.user or DEFAULT_USER
            made["RECONCILER_GIT_TOKEN_FILE"] = str(self.token_file.absolute())
        return made

    def without_secrets(self, text: str) -> str:
        """Return what a server said, without the token: it may have said that, too."""
        try:
            token = _token(self.token_file) if self.token_file is not None else ""
        except SourceUnreadableError:
            return text
        return text.replace(token, "***") if token else text

    def _ssh(self, timeout_s: float) -> tuple[str, ...]:
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "ControlMaster": "no",
            "ControlPath": "none",
            "PermitLocalCommand": "no",
            "ForwardAgent": "no",
            "ClearAllForwardings": "yes",
            "ConnectTimeout": str(max(1, round(timeout_s))),
        }
        first: tuple[str, ...] = ("ssh",)
        if self.ssh_key is not None:
            # What the user's own settings say is about another key.
            first = ("ssh", "-F", "none", "-i", _literal(self.ssh_key))
            options |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
        if self.ssh_known_hosts is not None:
            known = _literal(self.ssh_known_hosts)
            options |= {"UserKnownHostsFile": f'"{known}"', "GlobalKnownHostsFile": "none"}
        return first + tuple(word for name, value in options.items() for word in ("-o", f"{name}={value}"))


def _literal(path: Path) -> str:
    """Return a path that OpenSSH takes as it is."""
    return str(path.absolute()).replace("%", "%%")


def _token(file: Path) -> str:
    """Return the first line of a file, which is all that is sent."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_TOKEN_BYTES + 1)
    except OSError as error:
        raise SourceUnreadableError(
            f"The token file {shown(str(file))} (source.tokenFile) cannot be read: {error.strerror}"
        ) from None
    if len(content) > MAX_TOKEN_BYTES or not content.split(b"\n", 1)[0].strip():
        raise SourceUnreadableError(
            f"The token file {shown(str(file))} (source.tokenFile) does not hold one line of at most "
            f"{MAX_TOKEN_BYTES} bytes"
        )
    return content.split(b"\n", 1)[0].decode(errors="replace")
