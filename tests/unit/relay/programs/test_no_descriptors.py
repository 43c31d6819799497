"""Where no descriptor is left, an end says so and tries again, and its program goes on."""

import os
import queue
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from reconciler.relay.programs.libsrt import Libsrt, Poll, SrtError
from reconciler.relay.programs.reach import OWN, refusal_of
from reconciler.relay.programs.rtp_destination import Destination
from reconciler.relay.programs.rtp_source import Source
from reconciler.relay.programs.rtsp_serve import Output
from reconciler.relay.programs.srt_caller import Caller
from reconciler.relay.programs.srt_ends import World
from reconciler.relay.programs.srt_listener import Listener

SPEC = {"host": "127.0.0.1", "port": 0, "path": "play", "allowlist": [], "max_concurrent": 1}
SRT = {
    "allowlist": [],
    "host": "127.0.0.1",
    "port": 9,
    "latency_ms": 20,
    "peer_idle_timeout_ms": 5000,
    "passphrase": "",
    "stream_id": "",
    "listens": False,
    "denied": [],
}


class Exhausted(Libsrt):
    """A library that opens no socket."""

    def __init__(self) -> None:
        """Load nothing."""

    def socket(self) -> int:
        """Open none."""
        raise SrtError("Operation not supported")


class Unwatched(Poll):
    """Watches nothing."""

    def __init__(self) -> None:
        """Make nothing."""


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Have this process open nothing more."""
    _, most = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def world(post: Callable[[Callable[[], None]], None] = lambda task: task()) -> World:
    """Return what SRT ends need, without a socket to be had."""
    return World(srt=Exhausted(), poll=Unwatched(), owners={}, post=post, changed=lambda: None)


@pytest.mark.anyio
async def test_an_rtsp_output_listens_once_there_is_a_descriptor() -> None:
    """Until then it says what is wrong."""
    output = Output(SPEC, dict)

    with no_descriptors():
        output.tick(100.0)
        told = output.error
    output.tick(102.0)

    assert (told, output.error) == ("this machine takes no more connections", "")
    output.close()


def test_an_rtp_input_opens_once_there_is_a_descriptor() -> None:
    """Until then it says what is wrong."""
    source = Source(SPEC)

    with no_descriptors():
        source.open()
        told = source.error
    source.open()

    assert (told, source.error) == ("this machine opens no more sockets", "")
    source.close()


def test_an_rtp_destination_says_that_it_cannot_be_sent_to() -> None:
    """The loop that carries everybody's packets goes on."""
    destination = Destination("127.0.0.1", 9, {"denied": []})
    found: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    destination.tick(100.0, found.put)
    task = found.get(timeout=10)

    with no_descriptors():
        task()

    assert destination.error == "this machine opens no more sockets"


def test_an_address_that_cannot_be_asked_about_is_not_called() -> None:
    """It could be this machine."""
    with no_descriptors():
        refusal = refusal_of({"denied": [], "denied_ports": [8080]}, "192.0.2.1", 8080)

    assert refusal == OWN


def test_an_srt_listener_says_that_it_cannot_listen() -> None:
    """It is an end like others: the flow's other ends go on."""
    listener = Listener(world(), SRT, receives=True, on_data=lambda _: True)

    listener.tick(100.0)

    assert listener.error == "the socket cannot be opened: is the port in use?"


def test_an_srt_caller_says_that_it_cannot_call() -> None:
    """Nothing is said of the address: it was not asked about."""
    called: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    caller = Caller(world(called.put), SRT, receives=False, on_data=lambda _: True)
    caller.tick(100.0)
    call = called.get(timeout=10)

    with no_descriptors():
        call()

    assert caller.error == "the call cannot begin"
