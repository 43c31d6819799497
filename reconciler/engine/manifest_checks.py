"""Checks of the manifests: can they be read, are they right, and is everything there that they name."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import Final

from reconciler.domain.errors import EnvironmentFailedError, ExitStatus, SecretUnavailableError, SourceUnreadableError
from reconciler.domain.findings import Severity
from reconciler.domain.model import Desired, FlowSpec, OutputSpec
from reconciler.domain.policies import Policies
from reconciler.domain.secret_places import by_path
from reconciler.domain.secrets import SecretRef
from reconciler.ports.checks import Check, Sign, fail, failed, ok, warn
from reconciler.ports.secrets import Vault
from reconciler.ports.source import Reader, Source, Verdict

_NOTHING: Final = (
    "Put manifests there, or name where they are in reconciler.yaml; `reconciler init` writes a first tree."
)
_SHOWN: Final = 5
"""Secrets that are told one by one."""


def manifest_checks(
    source: Source, reader: Reader, vault: Vault, zone_of: Callable[[str], tzinfo]
) -> tuple[Check, ...]:
    """Return the checks of a tree; `zone_of` raises `EnvironmentFailedError` for a zone that nobody knows."""

    async def look() -> tuple[Sign, ...]:
        try:
            snapshot = await source.snapshot()
        except SourceUnreadableError as error:
            return (failed("source", error, _NOTHING),)
        verdict = reader.read(snapshot.files)
        is_newest = (
            warn("source", f"{source.name} is not the newest that there is: {snapshot.trouble}", "Mend that first.")
            if snapshot.trouble
            else ok("source", f"{_count(len(snapshot.files), 'file')} at {source.name}")
        )
        return (
            is_newest,
            _findings(verdict),
            *(await _secrets(verdict.sound, vault)),
            *_zones(verdict.policies, zone_of),
        )

    return (Check(about="source", look=look),)


def _findings(verdict: Verdict) -> Sign:
    errors = sum(finding.weight is Severity.ERROR for finding in verdict.findings)
    if errors:
        said = f"{_count(errors, 'finding')} of severity error, so nothing is changed"
        return fail("manifests", said, "reconciler validate lists them with their places.", status=ExitStatus.FINDINGS)
    counts = {"flow": len(verdict.sound.flows), "output": len(verdict.sound.outputs), "warning": len(verdict.findings)}
    return ok("manifests", ", ".join(_count(number, word) for word, number in counts.items()))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


async def _secrets(sound: Desired, vault: Vault) -> tuple[Sign, ...]:
    """Return whether what the manifests refer to is there; nobody else waits for a vault that takes its time."""
    if not vault.waits:
        return tuple(_looked_up(sound, vault))
    return await asyncio.to_thread(lambda: tuple(_looked_up(sound, vault)))


def _looked_up(sound: Desired, vault: Vault) -> Iterable[Sign]:
    """Yield whether what the manifests refer to is there; no value is kept, compared or told."""
    specs: tuple[FlowSpec | OutputSpec, ...] = (
        *(flow.spec for flow in sound.flows),
        *(output.spec for output in sound.outputs),
    )
    refs = {secret for spec in specs for secret in by_path(spec).values() if isinstance(secret, SecretRef)}
    problems = [error for ref in sorted(refs, key=str) if (error := _problem(ref, vault)) is not None]
    for error in problems[:_SHOWN]:
        yield failed("secrets", error, "Put it there; until then the resource that names it fails, and no other.")
    if (hidden := len(problems) - _SHOWN) > 0:
        yield fail("secrets", f"and {hidden} more cannot be used", "Each fails the resource that names it, alone.")
    if not problems:
        yield ok("secrets", f"all {len(refs)} that the manifests name are there" if refs else "the manifests name none")


def _problem(ref: SecretRef, vault: Vault) -> SecretUnavailableError | None:
    try:
        vault.resolve(ref)
    except SecretUnavailableError as error:
        return error
    return None


def _zones(policies: Policies, zone_of: Callable[[str], tzinfo]) -> Iterable[Sign]:
    zones = sorted({calendar.zone for calendar in policies.calendars})
    for zone in zones:
        try:
            zone_of(zone)
        except EnvironmentFailedError as error:
            yield failed("time zones", error)
        else:
            yield ok("time zones", f"{zone} is known")
