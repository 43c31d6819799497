"""Secrets of environment variables, of files in one directory, and of files that SOPS has encrypted."""

import contextlib
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.rules.secret_names import env_problem, file_problem
from reconciler.domain.secrets import Secret, SecretRef, SecretSource
from reconciler.sources.sops import SopsError, SopsFile

MAX_SECRET_BYTES: Final = 4096
"""A file larger than this is no secret but a mistake."""


class SecretVault:
    """
    Resolves references to secrets; implements `ports.secrets.Vault`.

    No error and no attribute of one holds a value or its length.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str],
        env_patterns: Sequence[str],
        directory: Path | None,
        encrypted: Sequence[SopsFile] = (),
        own: Mapping[Path, str] = MappingProxyType({}),
    ) -> None:
        """
        Look nothing up yet.

        Args:
            env: the environment variables.
            env_patterns: which of them manifests may name.
            directory: where files are that manifests may name.
            encrypted: files that SOPS has encrypted.
            own: the files of the reconciler itself, by the setting that names them: whoever may write manifests could
                else send them to a place of their own.

        """
        self._own = dict(own)
        self._encrypted = tuple(encrypted)
        self._env = env
        self._env_patterns = tuple(env_patterns)
        self._directory = directory

    @property
    def waits(self) -> bool:
        """Return whether a look-up may take its time: a program is run."""
        return bool(self._encrypted)

    def resolve(self, ref: SecretRef) -> Secret:
        """
        Return the secret's value.

        Raises:
            SecretUnavailableError: it is not there, not allowed, empty, or too large.

        """
        value = self._variable(ref) if ref.source is SecretSource.ENV else self._file(ref)
        if not value:
            raise SecretUnavailableError(ref, "it is empty. An empty secret would turn the protection off.")
        return Secret(value, version=ref.version)

    def _variable(self, ref: SecretRef) -> str:
        problem = env_problem(ref.name, self._env_patterns)
        if problem:
            raise SecretUnavailableError(ref, f"{problem}.")
        if ref.name not in self._env:
            raise SecretUnavailableError(
                ref, f"the environment variable {ref.name} is not set. Set it for this process, or refer to a file."
            )
        return self._env[ref.name]

    def _file(self, ref: SecretRef) -> str:
        problem = file_problem(ref.name)
        if problem:
            raise SecretUnavailableError(ref, f"{problem}.")
        is_here = self._directory is not None and os.path.lexists(self._directory / ref.name)
        texts, problems = self._in_encrypted(ref.name)
        places = [str(self._directory)] * is_here + list(texts)
        if len(places) > 1:
            raise SecretUnavailableError(
                ref, f"it is in {' and in '.join(places)}: only one can be meant. Remove the others."
            )
        if texts:
            return _text_of(ref, texts[places[0]].encode("utf-8", "surrogatepass"))
        if problems and not is_here:
            raise SecretUnavailableError(ref, f"{problems[0]}.")
        return self._in_directory(ref)

    def _in_encrypted(self, name: str) -> tuple[dict[str, str], list[str]]:
        """Return the texts of that name by the file that has it, and why other files cannot be opened."""
        texts: dict[str, str] = {}
        problems: list[str] = []
        for file in self._encrypted:
            try:
                text = file.text(name)
            except SopsError as error:
                problems.append(str(error))
            else:
                texts.update({str(file.path): text} if text is not None else {})
        return texts, problems

    def _in_directory(self, ref: SecretRef) -> str:
        if self._directory is None:
            raise SecretUnavailableError(ref, "no directory of secrets is set (secrets.dir).")
        try:
            return _text_of(ref, self._read_within(ref, self._directory))
        except OSError as error:
            others = f", and no such key in {', '.join(str(file.path) for file in self._encrypted)}" * bool(
                self._encrypted
            )
            raise SecretUnavailableError(
                ref, f"the file {ref.name} in {self._directory}: {error.strerror or type(error).__name__}{others}."
            ) from None

    def _read_within(self, ref: SecretRef, directory: Path) -> bytes:
        """Return the first bytes, one more than allowed; a link may point elsewhere, but not out of the directory."""
        home = os.path.realpath(directory)
        path = os.path.realpath(Path(home) / ref.name)
        if os.path.commonpath([home, path]) != home:
            raise SecretUnavailableError(ref, "a link leads out of the directory of secrets (secrets.dir).")
        # Without blocking, so that a pipe in the directory cannot hold a pass up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor, opened with the flags above, has no path.
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SecretUnavailableError(ref, "it is not a regular file.")
            if setting := self._setting_of(status):
                raise SecretUnavailableError(
                    ref,
                    f"it is the file of {setting}: what the reconciler itself needs is in no manifest. Give the stream "
                    "a secret of its own, under another name.",
                )
            return file.read(MAX_SECRET_BYTES + 1)

    def _setting_of(self, found: os.stat_result) -> str:
        """Return the setting that names this very file, whatever links lead to it; "" where none does."""
        for path, setting in self._own.items():
            with contextlib.suppress(OSError):
                if os.path.samestat(found, path.stat()):
                    return setting
        return ""


def _text_of(ref: SecretRef, content: bytes) -> str:
    if len(content) > MAX_SECRET_BYTES:
        raise SecretUnavailableError(ref, f"the file is larger than {MAX_SECRET_BYTES} bytes.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        # The original error holds the bytes: it must not travel along.
        raise SecretUnavailableError(ref, "the file is not UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")
