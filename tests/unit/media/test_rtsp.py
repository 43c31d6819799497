"""What the RTSP origin is told."""

import json

from reconciler.domain.secrets import Secret
from reconciler.media.rtsp import RtspOrigin


def test_an_order_is_one_line_with_everything_in_it() -> None:
    """The origin reads its order from standard input, password included, before the stream follows."""
    origin = RtspOrigin(host="::1", port=8554, path="live", username="viewer", password=Secret("canary-word"))

    order = origin.order()

    assert order.count(b"\n") == 1
    assert json.loads(order) == {
        "host": "::1",
        "port": 8554,
        "path": "live",
        "username": "viewer",
        "password": "canary-word",
    }
    assert "canary" not in repr(origin)


def test_an_origin_may_ask_for_nothing() -> None:
    """Then there is neither name nor password."""
    order = json.loads(RtspOrigin(host="::1", port=8554, path="live").order())

    assert (order["username"], order["password"]) == ("", "")
