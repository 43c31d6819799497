"""Rules about single values, each as it stands in one document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.domain import regions
from reconciler.domain.documents import Distance, Fault, Path
from reconciler.domain.model import Region
from reconciler.domain.rules.catalogue import (
    COUNTRY,
    LATENCY,
    LITERAL_SECRET,
    SECRET_FILE,
    SECRET_VARIABLE,
    UNKNOWN_REGION,
)
from reconciler.domain.rules.secret_names import env_problem, file_problem


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
    if "@" in text.partition("://")[2].partition("/")[0]:
        yield Fault(
            rule=LITERAL_SECRET,
            path=path,
            message="a user name or password is written out in a URL",
            hint="remove it and change it, for git keeps it",
        )


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
