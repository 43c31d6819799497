"""Rules about single values, each as it stands in one document."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.domain import regions
from reconciler.domain.documents import Distance, Fault, Path
from reconciler.domain.model import Region, Srt
from reconciler.domain.rules.allowlists import is_private
from reconciler.domain.rules.catalogue import (
    COUNTRY,
    IDLE_TIMEOUT,
    LATENCY,
    LITERAL_SECRET,
    OUT_OF_REACH,
    SECRET_FILE,
    SECRET_VARIABLE,
    UNENCRYPTED,
    UNKNOWN_REGION,
)
from reconciler.domain.rules.networks import is_private_host, why_unreachable
from reconciler.domain.rules.secret_names import env_problem, file_problem
from reconciler.domain.rules.urls import KEY_IN_PATH

_TELLING: Final = re.compile(
    r"(?:^|[?&;])(?:key|streamkey|stream_key|token|auth|secret|password|passwd|pwd|pass|passphrase|sign|signature|"
    r"txsecret|sig|hdnts|access_token|api_?key)=[^&;]",
    re.IGNORECASE,
)
"""Parameters of URLs that give whoever has them a right."""


def region(name: str, path: Path) -> Iterator[Fault]:
    """Return a warning about a region that the table does not have."""
    if not regions.is_known(Region(name)):
        yield Fault(
            rule=UNKNOWN_REGION,
            path=path,
            message=f"the region {name} is not known to this version",
            hint=regions.nearest_known(name) or "check the name; if it is new, all is well",
        )


def country(code: str, path: Path) -> Iterator[Fault]:
    """Return what is wrong with the code of a country."""
    if code not in regions.COUNTRIES:
        yield Fault(
            rule=COUNTRY,
            path=path,
            message=f"{code} is no country's code",
            hint="write an assigned ISO 3166-1 alpha-2 code, such as DE",
        )


def secret(reference: Mapping[str, Any], path: Path, *, env_patterns: Sequence[str]) -> Iterator[Fault]:
    """Return what is wrong with a reference to a secret; nothing of it is quoted."""
    if "env" in reference:
        problem = env_problem(reference["env"], env_patterns)
        if problem:
            yield Fault(rule=SECRET_VARIABLE, path=(*path, "env"), message=problem)
    else:
        problem = file_problem(reference["file"])
        if problem:
            yield Fault(rule=SECRET_FILE, path=(*path, "file"), message=problem)


def url(text: str, path: Path) -> Iterator[Fault]:
    """Return what is wrong with a URL beyond its form; it is not quoted."""
    told = _told_by(text)
    if told:
        place = "`credentials`" if text.startswith("rtsp") else "`streamKey`"
        hint = f"refer to it in {place} and change it, for git keeps it"
        yield Fault(rule=LITERAL_SECRET, path=path, message=f"{told} is written out in a URL", hint=hint)


def _told_by(text: str) -> str:
    """Return what of a secret a URL tells, in words, "" when it tells nothing."""
    authority, _, rest = text.partition("://")[2].partition("/")
    port = authority.rpartition(":")[2] if ":" in authority else ""
    # A password may hold a slash, and then it looks like a host with an odd port.
    if "@" in authority or ("@" in rest and port and not (port.isdigit() or port.endswith("]"))):
        return "a user name or password"
    if KEY_IN_PATH.search(f"/{rest}") is not None:
        return "a stream key"
    query = rest.partition("?")[2]
    return "a key or token" if _TELLING.search(f"?{query}") is not None else ""


def unencrypted(
    srt: Mapping[str, Any], allowlist: str | Sequence[str] | None, peer: str, path: Path
) -> Iterator[Fault]:
    """
    Return a warning about an SRT end without encryption, if strangers may be between.

    Args:
        srt: its settings.
        allowlist: who may call it, when it listens.
        peer: the property that says whom it calls, when it calls.
        path: where its settings are.
    """
    called = srt.get(peer)
    if called is None:
        if not is_private(allowlist):
            yield _unencrypted("anybody between here and those who may connect can listen", path)
    elif "host" in called and not is_private_host(called["host"]):
        # Of an output that calls a flow, that flow's own input speaks.
        yield _unencrypted("anybody between here and the far end can listen", path)


def _unencrypted(message: str, path: Path) -> Fault:
    return Fault(rule=UNENCRYPTED, path=path, message=f"no encryption: {message}", hint="add `encryption` at both ends")


def idle_timeout(srt: Srt, path: Path) -> Iterator[Fault]:
    """Return a warning about an SRT peer that is given up while lost packets could still come."""
    if srt.peer_idle_timeout_ms <= srt.latency_ms:
        message = f"a peer is given up after {srt.peer_idle_timeout_ms} ms, within the latency of {srt.latency_ms} ms"
        hint = f"write {min(10_000, max(5_000, 3 * srt.latency_ms))}"
        yield Fault(rule=IDLE_TIMEOUT, path=(*path, "peerIdleTimeout"), message=message, hint=hint)


def reach(host: str, here: Region, path: Path, *, of: str = "the host") -> Iterator[Fault]:
    """Return a warning about a host that cannot be connected to from a region; it is not quoted."""
    why = why_unreachable(host, from_cloud=here != regions.LOCAL)
    if why:
        is_reached_elsewhere = not why_unreachable(host, from_cloud=False)
        from_here = f", which {here} cannot reach" if is_reached_elsewhere else ""
        on_relay = "; on a relay the region is local" if from_here else ""
        hint = f"write a public address or a name{on_relay}"
        yield Fault(rule=OUT_OF_REACH, path=path, message=f"{of} is {why}{from_here}", hint=hint)


def latency(distance: Distance | None, here: Region, path: Path) -> Iterator[Fault]:
    """Return a warning about a latency that is stated below what the country beside it asks for."""
    if distance is None or distance.latency_ms is None:
        return
    yield from too_short(distance.latency_ms, here, distance.country, path=(*path, "ms"))


def too_short(latency_ms: int, here: Region, there: str, *, path: Path) -> Iterator[Fault]:
    """Return a warning about a latency that is below the advice for the distance between a region and a country."""
    found = regions.advice(here, there)
    if found is not None and latency_ms < found.latency_ms:
        yield Fault(
            rule=LATENCY,
            path=path,
            message=f"{latency_ms} ms is below the {found.latency_ms} ms that this distance asks for",
            hint=found.why,
        )
