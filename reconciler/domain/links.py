"""Links: outputs that call another flow's SRT listener, and the address that the backend gave it."""

from collections.abc import Callable
from dataclasses import replace

from reconciler.domain.errors import UnresolvedLinkError
from reconciler.domain.model import FlowKey, FlowLink, FoundFlow, Output, Srt


def link_of(output: Output) -> FlowLink | None:
    """Return the link by which an output calls another flow of the manifests; None where it calls none."""
    settings = output.spec.settings
    return settings.peer if isinstance(settings, Srt) and isinstance(settings.peer, FlowLink) else None


def with_address(output: Output, found_flow: Callable[[FlowKey], FoundFlow | None]) -> Output:
    """
    Return the output with its link, if it has one, replaced by the address of the flow's input.

    Raises:
        UnresolvedLinkError: that flow is not there yet, or has no address.

    """
    settings = output.spec.settings
    if not isinstance(settings, Srt) or not isinstance(settings.peer, FlowLink):
        return output
    link = settings.peer
    called = found_flow(link.flow)
    if called is None or not called.input_addresses:
        msg = f"{output.key} calls {link}, whose input has no address before it is made"
        raise UnresolvedLinkError(msg)
    return replace(output, spec=replace(output.spec, settings=replace(settings, peer=called.input_addresses[0])))
