"""Ids of the vendor's form, unique whatever the clock does."""

from itertools import repeat

from reconciler.relay.ids import IdMaker, stream_key


def zeros(length: int) -> bytes:
    """Return no randomness at all."""
    return bytes(length)


def test_ids_ascend_even_when_the_clock_stands_still_or_runs_back() -> None:
    """Without any help from randomness, no two are the same."""
    times = iter([1.0, 1.0, 0.5, 2.0])
    maker = IdMaker(lambda: next(times), zeros)

    made = [maker.next() for _ in range(4)]

    assert [int(one[:12], 16) for one in made] == [1000, 1001, 1002, 2000]


def test_ids_after_a_restart_follow_those_before() -> None:
    """A clock that was set back makes no id twice."""
    times = repeat(1.0)
    maker = IdMaker(lambda: next(times), zeros)

    maker.start_after(f"{5000:012x}{'f' * 16}")

    assert int(maker.next()[:12], 16) == 5001


def test_a_stream_key_is_long_and_fits_a_url() -> None:
    """Sixteen random bytes in hex."""
    assert stream_key(lambda length: b"\xab" * length) == "ab" * 16
