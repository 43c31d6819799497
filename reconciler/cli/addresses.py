"""Which resource people mean, whether or not there is one."""

from reconciler.domain.errors import UsageError
from reconciler.domain.model import key_of

_KINDS = {0: "flow/", 1: "output/"}
"""What an address without its kind is of, by the number of its strokes."""


def address_of(given: str) -> str:
    """
    Return the address that flow/NAME, NAME, output/FLOW/NAME or FLOW/NAME means.

    Raises:
        UsageError: it is no address.

    """
    is_whole = given.startswith(("flow/", "output/"))
    address = given if is_whole else _KINDS.get(given.count("/"), "") + given
    if key_of(address) is None:
        raise UsageError(f"{given} is no address of a resource: say flow/NAME or output/FLOW/NAME")
    return address
