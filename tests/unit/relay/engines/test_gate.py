"""Who may publish to an RTMP flow, and who may play from it."""

from dataclasses import replace

import pytest

from reconciler.domain.secrets import Secret
from reconciler.media.hooks import Admitted, Answer, Refused
from reconciler.relay.engines.gate import Gate
from reconciler.relay.media import EndId, FlowMedia, InputMedia, OutputMedia, RtmpIngest, RtmpPlay

OUTPUT = EndId("output")
HUB = Admitted("hub-name")
INGEST = InputMedia(
    id=EndId("input"),
    end=RtmpIngest(host="127.0.0.1", port=1935, app="live", stream_key=Secret("ingest-key")),
    allowlist=("192.0.2.0/24",),
)
PLAY = OutputMedia(
    id=OUTPUT,
    end=RtmpPlay(app="play", stream_key=Secret("play-key"), max_concurrent=2),
    allowlist=("198.51.100.0/24", "2001:db8::/32"),
)


class Moment:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now_s


def gate(*outputs: OutputMedia, moment: Moment | None = None) -> Gate:
    """Return the gate of a flow with these outputs."""
    flow = FlowMedia(id="flow", input=INGEST, outputs=outputs or (PLAY,))
    return Gate(hub=Secret("hub-name"), now_s=moment or Moment(), flow=flow)


def publish(guarded: Gate, *, name: str = "ingest-key", addr: str = "192.0.2.1", client: str = "1") -> Answer:
    """Ask to publish."""
    return guarded.answer({"call": "publish", "app": "live", "name": name, "addr": addr, "clientid": client})


def play(guarded: Gate, *, name: str = "play-key", addr: str = "198.51.100.1", client: str = "2") -> Answer:
    """Ask to play."""
    return guarded.answer({"call": "play", "app": "play", "name": name, "addr": addr, "clientid": client})


@pytest.mark.parametrize(
    ("name", "addr", "answer", "told"),
    [
        pytest.param("ingest-key", "192.0.2.1", HUB, "", id="the right key from an allowed place"),
        pytest.param("play-key", "192.0.2.1", Refused(), "stream key", id="a wrong key"),
        pytest.param("hub-name", "192.0.2.1", Refused(), "stream key", id="the hidden name"),
        pytest.param("ingest-key", "203.0.113.1", Refused(), "not in the allowlist", id="another place"),
    ],
)
def test_who_may_publish(name: str, addr: str, answer: Answer, told: str) -> None:
    """The key and the address both have to be right; a refusal is told without the key."""
    guarded = gate()

    assert publish(guarded, name=name, addr=addr) == answer
    assert told in guarded.complaint(INGEST.id)
    assert "ingest-key" not in guarded.complaint(INGEST.id)


def test_one_publishes_at_a_time() -> None:
    """A second publisher waits until the first has left."""
    guarded = gate()

    first, second = publish(guarded, client="1"), publish(guarded, client="2")
    guarded.answer({"call": "publish_done", "clientid": "1"})
    third = publish(guarded, client="3")

    assert (first, second, third) == (HUB, Refused(), HUB)


def test_a_publisher_that_the_server_does_not_list_is_forgotten_after_a_while() -> None:
    """One that was only just let in may yet appear; later its absence is believed."""
    moment = Moment()
    guarded = gate(moment=moment)
    publish(guarded)

    guarded.publisher_left()
    at_once = guarded.publisher
    moment.now_s += 60
    guarded.publisher_left()

    assert (at_once, guarded.publisher) == ("1", "")


@pytest.mark.parametrize(
    ("name", "addr", "answer"),
    [
        pytest.param("play-key", "198.51.100.1", HUB, id="the right key from an allowed place"),
        pytest.param("play-key", "2001:db8::7", HUB, id="by IPv6"),
        pytest.param("play-key", "192.0.2.1", Refused(), id="another place"),
        pytest.param("play-key", "unix:", Refused(), id="no address"),
        pytest.param("another", "198.51.100.1", Refused(), id="a wrong key"),
        pytest.param("hub-name", "127.0.0.1", Refused(), id="the hidden name"),
    ],
)
def test_who_may_play(name: str, addr: str, answer: Answer) -> None:
    """The key leads to the output, and the output's allowlist decides."""
    assert play(gate(), name=name, addr=addr) == answer


def test_an_engine_of_ours_plays_the_hidden_stream_and_a_stranger_does_not() -> None:
    """Pushes read the stream under its hidden name, from this machine alone."""
    question = {"call": "play", "app": "live", "name": "hub-name", "clientid": "5"}

    assert gate().answer({**question, "addr": "127.0.0.1"}) == Admitted()
    assert gate().answer({**question, "addr": "192.0.2.1"}) == Refused()


def test_so_many_play_at_once_and_no_more() -> None:
    """A place is free again when the server no longer lists its player."""
    moment = Moment()
    guarded = gate(moment=moment)

    answers = [play(guarded, client=client) for client in ("2", "3", "4")]
    moment.now_s += 60
    guarded.seen(["3"])
    again = play(guarded, client="5")

    assert answers == [HUB, HUB, Refused()]
    assert again == HUB
    assert guarded.playing(OUTPUT) == ["3", "5"]


@pytest.mark.parametrize(
    ("outputs", "leaving"),
    [
        pytest.param((PLAY,), [], id="nothing has changed"),
        pytest.param((replace(PLAY, id=EndId("other")),), ["2", "3"], id="the output is gone"),
        pytest.param(
            (replace(PLAY, end=RtmpPlay(app="play", stream_key=Secret("new"))),), ["2", "3"], id="its key is another"
        ),
        pytest.param((replace(PLAY, allowlist=("198.51.100.1/32",)),), ["3"], id="one is not allowed any longer"),
        pytest.param((replace(PLAY, max_concurrent=1),), ["3"], id="fewer may play"),
    ],
)
def test_who_has_to_go_when_an_output_changes(outputs: tuple[OutputMedia, ...], leaving: list[str]) -> None:
    """An edit cuts those off whom it no longer lets in, and nobody else."""
    guarded = gate()
    play(guarded, client="2", addr="198.51.100.1")
    play(guarded, client="3", addr="198.51.100.2")

    guarded.flow = replace(guarded.flow, outputs=outputs)

    assert guarded.unwelcome() == leaving


def test_a_publisher_may_stay_while_its_key_and_address_are_right() -> None:
    """Another key or another allowlist ends its stay."""
    guarded = gate()
    publish(guarded)
    before = guarded.may_stay()

    guarded.flow = replace(guarded.flow, input=replace(INGEST, allowlist=("203.0.113.0/24",)))

    assert before
    assert not guarded.may_stay()


def test_a_place_that_is_left_is_given_anew_at_once() -> None:
    """The server says that a player has left; nobody waits until it is missed."""
    guarded = gate()
    answers = [play(guarded, client=client) for client in ("2", "3", "4")]

    guarded.answer({"call": "play_done", "app": "play", "clientid": "3"})

    assert answers == [HUB, HUB, Refused()]
    assert play(guarded, client="5") == HUB


def test_who_was_let_in_before_the_server_ended_is_forgotten() -> None:
    """Whoever comes after that begins anew, and finds his place free."""
    moment = Moment()
    guarded = gate(moment=moment)
    publish(guarded, client="1")
    play(guarded, client="2")
    moment.now_s += 1
    play(guarded, client="3")

    guarded.server_ended(before_s=moment.now_s)

    assert (guarded.publisher, guarded.playing(OUTPUT)) == ("", ["3"])
    assert publish(guarded, client="4") == HUB


def test_a_refusal_is_told_for_a_minute_whoever_comes_next() -> None:
    """A player that gets in says nothing of another one that did not."""
    moment = Moment()
    guarded = gate(moment=moment)
    play(guarded, addr="192.0.2.1")

    play(guarded)
    at_once = guarded.complaint(OUTPUT)
    moment.now_s += 61

    assert at_once == "a player from 192.0.2.1 was refused: it is not in the allowlist"
    assert guarded.complaint(OUTPUT) == ""


@pytest.mark.parametrize(
    ("silent_s", "waited_s", "stays"),
    [
        pytest.param(2.0, 0.0, True, id="a pause"),
        pytest.param(4.0, 0.0, False, id="a long silence"),
        pytest.param(4.0, 20.0, True, id="whoever wanted the place is gone"),
    ],
)
def test_a_silent_publisher_gives_way_to_one_who_has_the_key(silent_s: float, waited_s: float, *, stays: bool) -> None:
    """It holds its place while it sends; one that does not is in the way of the next."""
    moment = Moment()
    guarded = gate(moment=moment)
    publish(guarded, client="1")
    guarded.heard(1000)
    answer = publish(guarded, client="2")
    moment.now_s += waited_s
    guarded.heard(2000)

    moment.now_s += silent_s
    guarded.heard(2000)

    assert answer == Refused()
    assert guarded.may_stay() is stays


def test_what_nobody_looked_at_is_no_silence() -> None:
    """A control plane that was away for a while cuts nobody for it."""
    moment = Moment()
    guarded = gate(moment=moment)
    publish(guarded, client="1")
    guarded.heard(1000)
    moment.now_s += 60

    publish(guarded, client="2")
    before = guarded.may_stay()
    guarded.heard(9000)

    assert (before, guarded.may_stay()) == (True, True)


@pytest.mark.parametrize(("name", "addr"), [("wrong", "192.0.2.1"), ("ingest-key", "203.0.113.1")])
def test_a_silent_publisher_gives_way_to_nobody_else(name: str, addr: str) -> None:
    """A stranger cannot cut anybody, however silent."""
    moment = Moment()
    guarded = gate(moment=moment)
    publish(guarded, client="1")
    guarded.heard(1000)
    moment.now_s += 60

    publish(guarded, name=name, addr=addr, client="2")
    guarded.heard(1000)

    assert guarded.may_stay()
