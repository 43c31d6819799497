"""Equal requests are signed with a second each."""

from reconciler.streamlink.timestamps import Timestamps

NOW_S = 1_700_000_000


def test_equal_requests_are_never_signed_alike() -> None:
    """Each later one of a second is dated on; what differs is not."""
    timestamps = Timestamps()

    dated = [timestamps.next(("Stop", "flow"), NOW_S) for _ in range(3)]
    other = timestamps.next(("Start", "flow"), NOW_S)

    assert (dated, other) == ([NOW_S, NOW_S + 1, NOW_S + 2], NOW_S)


def test_time_catches_up() -> None:
    """What was dated on is not given again when its second comes, and after that the clock counts."""
    timestamps = Timestamps()
    early = [timestamps.next("Stop", NOW_S) for _ in range(2)]

    later = [timestamps.next("Stop", NOW_S + 1), timestamps.next("Stop", NOW_S + 60)]

    assert (early, later) == ([NOW_S, NOW_S + 1], [NOW_S + 2, NOW_S + 60])


def test_only_what_may_be_repeated_is_remembered() -> None:
    """A client of years holds no more than the last second."""
    timestamps = Timestamps()
    for second in range(1000):
        timestamps.next(("Modify", second), NOW_S + second)

    kept = vars(timestamps)["_last_s"]

    assert len(kept) == 1
