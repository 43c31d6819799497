"""What an allowlist may say: CIDRs, as a list or joined with semicolons."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from reconciler.domain.documents import Fault, Path
from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import (
    ALLOWLIST,
    HOST_BITS,
    LONG_ALLOWLIST,
    OPEN_ALLOWLIST,
    OPEN_NETWORK,
    REPEATED_NETWORK,
    TOO_FEW_PLACES,
)
from reconciler.domain.rules.networks import (
    IPAddress,
    Network,
    address_of,
    is_private_network,
    network_of,
    within_others,
)

_SEPARATOR: Final = ";"
_LIKE_CIDR: Final = re.compile(r"[0-9a-fA-F.:/]{1,43}")
"""What may be quoted: nothing else can be no secret for certain."""

MAX_ENTRIES: Final = 10
"""Entries that the service's security groups take. Source: StreamLink API, CreateStreamLinkSecurityGroup."""


@dataclass(frozen=True, slots=True)
class _Problem:
    rule: Rule
    message: str
    hint: str


def entries(written: str | Sequence[str]) -> tuple[str, ...]:
    """Return the members of an allowlist as they were written, without spaces around them."""
    if not isinstance(written, str):
        return tuple(written)
    return tuple(member.strip() for member in written.split(_SEPARATOR)) if written.strip() else ()


def is_private(written: str | Sequence[str] | None) -> bool:
    """Return whether an allowlist lets nobody in but private networks."""
    networks = [network_of(member) for member in entries(written or ())]
    return bool(networks) and all(network is not None and is_private_network(network) for network in networks)


def check(written: str | Sequence[str] | None, path: Path) -> Iterator[Fault]:
    """Return what is wrong with an allowlist; None for one that is not given."""
    members = entries(written) if written is not None else ()
    if not members:
        yield _open(path, is_given=written is not None)
        return
    problems = {index: found for index, member in enumerate(members) if (found := _problem(member)) is not None}
    for index, found in (problems | _repeated(members, problems)).items():
        place = path if isinstance(written, str) else (*path, index)
        yield Fault(rule=found.rule, path=place, message=found.message, hint=found.hint)
    if len(members) > MAX_ENTRIES:
        message = f"the allowlist has {len(members)} entries; the service's own lists take {MAX_ENTRIES}"
        yield Fault(rule=LONG_ALLOWLIST, path=path, message=message, hint="join neighbours into wider networks")


def check_places(written: str | Sequence[str] | None, places: int, path: Path) -> Iterator[Fault]:
    """Return a warning about an allowlist that names more single receivers than may pull at once."""
    networks = {network_of(member) for member in entries(written or ())}
    if len(networks) > places and all(network is not None and network.num_addresses == 1 for network in networks):
        message = f"{len(networks)} receivers are named, and {places} may pull at once"
        yield Fault(rule=TOO_FEW_PLACES, path=path, message=message, hint="raise maxConcurrent, or make another output")


def _open(path: Path, *, is_given: bool) -> Fault:
    message = "the allowlist is empty, so any address may connect" if is_given else "any address may connect"
    # An allowlist that is not given is missed in the mapping that lacks it.
    return Fault(
        rule=OPEN_ALLOWLIST, path=path if is_given else path[:-1], message=message, hint="list the CIDRs in `allowlist`"
    )


def _repeated(members: Sequence[str], problems: dict[int, _Problem]) -> dict[int, _Problem]:
    """Return the entries that others hold; one that has a problem of its own is none of them."""
    sound = [index for index in range(len(members)) if index not in problems]
    networks: list[Network] = [found for index in sound if (found := network_of(members[index])) is not None]
    repeated: dict[int, _Problem] = {}
    for number, wider in within_others(networks).items():
        is_same = networks[number] == wider
        where = "there already" if is_same else f"within {wider}"
        hint = "remove it" if is_same else "remove it, or narrow the other"
        index = sound[number]
        repeated[index] = _Problem(REPEATED_NETWORK, f"{_quoted(members[index])} is {where}", hint)
    return repeated


@lru_cache(maxsize=4096)
def _problem(member: str) -> _Problem | None:
    """Return what is wrong with one entry; a tree says the same few networks again and again."""
    if not member:
        return _Problem(ALLOWLIST, "an empty member in an allowlist", "remove it, or a semicolon too many")
    address, slash, length = member.partition("/")
    parsed = address_of(address)
    if parsed is None:
        hint = "write an address and a prefix length, as in 203.0.113.0/28"
        return _Problem(ALLOWLIST, f"{_quoted(member)} is no CIDR", hint)
    if not slash:
        hint = f"write {address}/{parsed.max_prefixlen} for this one address"
        return _Problem(ALLOWLIST, f"{_quoted(member)} has no prefix length", hint)
    if "," in length:
        hint = "write a list, or join them with semicolons"
        return _Problem(ALLOWLIST, "several entries are joined with commas", hint)
    if not _is_length(length, parsed.max_prefixlen):
        hint = f"write a number from 0 to {parsed.max_prefixlen} after the slash"
        return _Problem(ALLOWLIST, f"{_quoted(member)} has no prefix length but something else", hint)
    return _wide(member, parsed)


def _is_length(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("128") and int(text) <= most


def _wide(member: str, address: IPAddress) -> _Problem | None:
    """Return what is odd about a CIDR."""
    network = ipaddress.ip_network(member, strict=False)
    if network.prefixlen == 0:
        return _Problem(OPEN_NETWORK, f"{_quoted(member)} holds every address", "list the networks of the other side")
    if network.network_address != address:
        return _Problem(HOST_BITS, f"{_quoted(member)} has bits beyond its prefix", f"it means {network}")
    return None


def _quoted(member: str) -> str:
    return member if _LIKE_CIDR.fullmatch(member) else "the entry"
