"""Whose connection makes room for whose."""

import socket
from collections.abc import Callable, Iterator

import pytest

from reconciler.serving.connections import Connection, Connections

Caller = Callable[[str], Connection]


@pytest.fixture
def caller() -> Iterator[Caller]:
    """Return what makes a connection from an address, on a socket that can be cut."""
    made: list[socket.socket] = []

    def call(address: str) -> Connection:
        made.extend(socket.socketpair())
        return Connection(made[-1], address)

    yield call
    for each in made:
        each.close()


def is_cut(connection: Connection) -> bool:
    """Return whether the connection was ended."""
    connection.socket.setblocking(False)
    try:
        return connection.socket.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_strangers_oldest_makes_room_for_a_client(caller: Caller) -> None:
    """Whoever opens many connections loses one of them, and nobody else does."""
    connections = Connections(4)
    few, *many = [caller("192.0.2.1"), *(caller("192.0.2.66") for _ in range(3))]
    admitted = [connections.admit(each) for each in (few, *many)]

    client = connections.admit(caller("192.0.2.2"))

    assert (all(admitted), client, len(connections), connections.turned_away) == (True, True, 4, 1)
    assert [is_cut(each) for each in (few, *many)] == [False, True, False, False]


def test_who_floods_pays_for_it(caller: Caller) -> None:
    """Among equals, and from one address alone, it is the newcomer's own oldest that goes."""
    connections = Connections(2)
    mine, theirs = caller("192.0.2.1"), caller("192.0.2.2")
    connections.admit(mine)
    connections.admit(theirs)

    connections.admit(caller("192.0.2.2"))

    assert (is_cut(mine), is_cut(theirs)) == (False, True)


def test_who_has_proven_to_be_the_owner_stays(caller: Caller) -> None:
    """A signed request on a connection keeps it; where all are such, it is the newcomer that waits."""
    connections = Connections(2)
    owners = [caller("192.0.2.1"), caller("192.0.2.1")]
    for each in owners:
        connections.admit(each)
        each.prove()

    let_in = connections.admit(caller("192.0.2.9"))
    connections.left(owners[0])
    later = connections.admit(caller("192.0.2.9"))

    assert (let_in, later) == (False, True)
    assert [is_cut(each) for each in owners] == [False, False]


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        pytest.param("2001:db8::1", "2001:db8::ffff:2", True, id="addresses of one site"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="another site"),
        pytest.param("fe80::1%eth0", "fe80::2%eth0", True, id="of one link"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", True, id="IPv4 on an IPv6 socket"),
        pytest.param("::ffff:192.0.2.1", "::ffff:192.0.2.2", False, id="another such"),
    ],
)
def test_what_counts_as_one_stranger(caller: Caller, one: str, another: str, *, same: bool) -> None:
    """An IPv6 site may choose any address of its network for each connection, so its network is what counts."""
    assert (caller(one).site == caller(another).site) is same


def test_a_socket_that_is_closed_already_is_cut_without_ado(caller: Caller) -> None:
    """Who is gone may be told to go."""
    connections = Connections(2)
    gone = caller("192.0.2.1")
    connections.admit(gone)
    gone.socket.close()

    connections.cut_all()

    assert gone.socket.fileno() == -1
