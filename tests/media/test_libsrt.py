"""The library behind SRT, as our binding uses it."""

from collections.abc import Callable

import pytest

from reconciler.relay.programs.libsrt import Address, Libsrt
from tests.media.watching import until_true

pytestmark = [pytest.mark.anyio, pytest.mark.media]


async def test_a_listener_that_is_closed_leaves_nothing_behind(free_port: Callable[[], int]) -> None:
    """What is asked of its callers is let go once the library cannot ask any more; that of another one stays."""
    srt = Libsrt()

    def listener() -> int:
        which = srt.socket()
        srt.listen(which, Address("127.0.0.1", free_port()), lambda *_: 0)
        return which

    kept, *closed = [listener() for _ in range(4)]
    for which in closed:
        srt.close(which)
    await until_true(lambda: srt.hooks == 1)
    srt.close(kept)
