"""What an allowlist may say: CIDRs, as a list or joined with semicolons."""

import ipaddress
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from reconciler.domain.documents import Fault, Path
from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import ALLOWLIST, HOST_BITS, OPEN_ALLOWLIST

_SEPARATOR: Final = ";"


def entries(written: str | Sequence[str]) -> tuple[str, ...]:
    """Return the members of an allowlist as they were written, without spaces around them."""
    if not isinstance(written, str):
        return tuple(written)
    return tuple(member.strip() for member in written.split(_SEPARATOR)) if written.strip() else ()


def check(written: str | Sequence[str] | None, path: Path) -> Iterator[Fault]:
    """Return what is wrong with an allowlist; None for one that is not given."""
    members = entries(written) if written is not None else ()
    if not members:
        yield _open(path, is_given=written is not None)
    for index, member in enumerate(members):
        found = _problem(member)
        if found is not None:
            rule, message, hint = found
            yield Fault(
                rule=rule, path=path if isinstance(written, str) else (*path, index), message=message, hint=hint
            )


def _open(path: Path, *, is_given: bool) -> Fault:
    message = "the allowlist is empty, so any address may connect" if is_given else "any address may connect"
    # An allowlist that is not given is missed in the mapping that lacks it.
    return Fault(
        rule=OPEN_ALLOWLIST, path=path if is_given else path[:-1], message=message, hint="list the CIDRs in `allowlist`"
    )


@lru_cache(maxsize=4096)
def _problem(member: str) -> tuple[Rule, str, str] | None:
    """Return rule, message and hint; a tree says the same few networks again and again."""
    if not member:
        return ALLOWLIST, "an empty member in an allowlist", "remove it, or a semicolon too many"
    address, slash, length = member.partition("/")
    parsed = _address(address)
    if parsed is None:
        return ALLOWLIST, f"{_quoted(member)} is no CIDR", "write an address and a prefix length, as in 203.0.113.0/28"
    if not slash:
        hint = f"write {address}/{parsed.max_prefixlen} for this one address"
        return ALLOWLIST, f"{_quoted(member)} has no prefix length", hint
    if not (
        length.isascii() and length.isdigit() and len(length) <= len("128") and int(length) <= parsed.max_prefixlen
    ):
        hint = f"write a number from 0 to {parsed.max_prefixlen} after the slash"
        return ALLOWLIST, f"{_quoted(member)} has no prefix length but something else", hint
    network = ipaddress.ip_network(member, strict=False)
    if network.network_address != parsed:
        return HOST_BITS, f"{_quoted(member)} has bits beyond its prefix", f"it means {network}"
    return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address; None when it is none, or has a zone, which means nothing on another machine."""
    try:
        return ipaddress.ip_address(text) if "%" not in text else None
    except ValueError:
        return None


def _quoted(member: str) -> str:
    return member if member.isprintable() and len(member) <= len("0000:" * 8 + "/128") else "the entry"
