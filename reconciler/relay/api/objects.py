"""Objects of the API as they arrive, and in the one form in which they are kept."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.relay.api.refusals import RefusalError
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import Field, Payload, Profile, Shape, check

_CIDR: Final = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|[0-9A-Fa-f:.]+")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")


def demand_shape(shape: Shape, payload: Any, profile: Profile) -> None:
    """
    Go on only with a payload of this shape.

    Raises:
        RefusalError: what is wrong with it first.

    """
    problems = check(shape, payload, profile=profile)
    if problems:
        raise RefusalError(problems[0].code, f"{problems[0].message} ({problems[0].field})")


def canonical(shape: Shape, payload: Payload) -> dict[str, Any]:
    """Return a payload that has its shape without nulls, its words in the API's own case."""
    fields = {field.name: field for field in shape.fields}
    return {name: _canonical_value(fields[name], value) for name, value in payload.items() if value is not None}


def _canonical_value(field: Field, value: Any) -> Any:
    if field.many:
        return [_canonical_member(field, member) for member in value]
    return _canonical_member(field, value)


def _canonical_member(field: Field, value: Any) -> Any:
    if isinstance(field.kind, Shape):
        return canonical(field.kind, value)
    if isinstance(value, str):
        return next((str(choice) for choice in field.choices if str(choice).lower() == value.lower()), value)
    return value


def demand_cidrs(cidrs: Iterable[str], code: Code) -> None:
    """Go on only with CIDRs; host bits are kept as they are, for the API reads them back so."""
    for index, text in enumerate(cidrs):
        if not _is_cidr(text):
            raise RefusalError(code, f"AllowIpList.{index} is no CIDR such as 203.0.113.0/24.")


def demand_address(address: Mapping[str, Any], where: str, code: Code) -> None:
    """Go on only with an address that names a host."""
    if _HOST.fullmatch(address["Ip"]) is None:
        raise RefusalError(code, f"{where}.Ip is neither an IP address nor a domain name.")


def demand_plain(text: str, where: str, code: Code) -> None:
    """Go on only with text that holds no blank and no control character; the engines are given it as it is."""
    if _CONTROL.search(text):
        raise RefusalError(code, f"{where} holds a blank or a control character.")


def demand_one_security(srt: Mapping[str, Any], code: Code) -> None:
    """Go on only where a passphrase and a key length come together, or neither does."""
    if bool(srt["Passphrase"]) != bool(srt["PbKeyLen"]):
        raise RefusalError(
            code, "SRTSettings.Passphrase and SRTSettings.PbKeyLen (16, 24 or 32) go together: send both, or neither."
        )


def _is_cidr(text: str) -> bool:
    if _CIDR.fullmatch(text) is None:
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
