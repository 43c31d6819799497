"""What is remembered of ends."""

from reconciler.relay.engines.words import of_present
from reconciler.relay.media import EndId, FlowMedia, InputMedia, NotCarried, OutputMedia


def test_what_is_gone_is_forgotten() -> None:
    """A flow whose outputs come and go for years remembers those that it has, by the end or by its connections."""
    source, kept, gone = EndId("in"), EndId("kept"), EndId("gone")
    end = NotCarried(protocol="RIST")
    flow = FlowMedia(id="flow", input=InputMedia(id=source, end=end), outputs=(OutputMedia(id=kept, end=end),))

    by_end = of_present({source: 1, kept: 2, gone: 3}, flow)
    by_connection = of_present({(kept, "1"): 2, (gone, "1"): 3}, flow)

    assert (by_end, by_connection) == ({source: 1, kept: 2}, {(kept, "1"): 2})
