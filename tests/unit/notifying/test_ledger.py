"""What one sink is told, and when."""

from dataclasses import replace

import pytest

from reconciler.domain.conditions import Aspect, Reason, Standing, Transition
from reconciler.notifying.entries import CALM, KEPT, MOST_CHANGES
from reconciler.notifying.notices import GONE, Grade
from reconciler.ports.notifier import Bulletin, Stage
from tests.unit.notifying.bulletins import (
    TOWER,
    at,
    bulletin,
    condition,
    dark,
    deliver,
    failed,
    in_step,
    ledger,
    on_air,
    ready,
    said,
)


def test_off_air_is_told_at_once_and_its_end_too() -> None:
    """It is critical, so nobody waits for it to pass."""
    desk = ledger()

    desk.take(bulletin(0, dark()))
    cut = deliver(desk, 0)
    desk.take(bulletin(5, on_air(5)))
    over = deliver(desk, 5)

    assert cut is not None
    assert (said(cut), cut.label) == ([f"problem {TOWER} OnAir"], "critical")
    assert cut.title == f"[critical] local: {TOWER} is off air"
    assert over is not None
    assert (said(over), over.label) == ([f"resolved {TOWER} OnAir"], "resolved")
    assert deliver(desk, 1000) is None


@pytest.mark.parametrize(
    ("transition", "grade"),
    [
        pytest.param(ready(Standing.FALSE, Reason.BLOCKED), Grade.WARNING, id="blocked"),
        pytest.param(ready(Standing.FALSE, Reason.FAILED), Grade.WARNING, id="failed"),
        pytest.param(ready(Standing.FALSE, Reason.WAITING), Grade.WARNING, id="waiting"),
        pytest.param(ready(Standing.UNKNOWN, Reason.UNREADABLE), Grade.WARNING, id="unreadable"),
        pytest.param(ready(Standing.FALSE, Reason.PUT_BACK), Grade.WARNING, id="put back"),
        pytest.param(ready(Standing.FALSE, Reason.PAUSED), None, id="somebody paused it"),
        pytest.param(ready(Standing.FALSE, Reason.PLANNED), None, id="it only looks"),
        pytest.param(ready(Standing.UNKNOWN, Reason.NOT_LOOKED), None, id="nobody looked"),
        pytest.param(in_step(), None, id="in step"),
        pytest.param(dark(), Grade.CRITICAL, id="off air"),
        pytest.param(replace(dark(), before=None), None, id="never on air"),
        pytest.param(
            Transition(
                resource=TOWER,
                before=condition(Aspect.ON_AIR, Standing.TRUE, Reason.DELIVERING),
                after=condition(Aspect.ON_AIR, Standing.FALSE, Reason.IDLE),
            ),
            None,
            id="its flow was stopped",
        ),
        pytest.param(
            Transition(resource=TOWER, before=None, after=condition(Aspect.STALLED, Standing.TRUE, Reason.PUT_BACK)),
            Grade.CRITICAL,
            id="stuck",
        ),
        pytest.param(
            Transition(resource=TOWER, before=None, after=condition(Aspect.DRIFTED, Standing.TRUE, Reason.DRIFT)),
            Grade.WARNING,
            id="changed elsewhere",
        ),
        pytest.param(
            Transition(resource=TOWER, before=None, after=condition(Aspect.RECONCILING, Standing.TRUE, Reason.WAITING)),
            None,
            id="under way",
        ),
    ],
)
def test_what_is_a_problem(transition: Transition, grade: Grade | None) -> None:
    """And how much it matters."""
    desk = ledger(damp_s=0)

    desk.take(bulletin(0, transition))
    message = deliver(desk, 0)

    assert (None if message is None else message.items[0].grade) is grade


def test_what_was_on_air_once_is_cut_whatever_was_known_in_between() -> None:
    """A look that failed between the two hides nothing."""
    desk = ledger()
    unknown = condition(Aspect.ON_AIR, Standing.UNKNOWN, Reason.NOT_LOOKED)

    desk.take(bulletin(0, on_air()))
    desk.take(bulletin(5, Transition(resource=TOWER, before=on_air().after, after=unknown)))
    desk.take(bulletin(9, replace(dark(9), before=unknown)))

    assert said(deliver(desk, 9)) == [f"problem {TOWER} OnAir"]


def test_what_an_earlier_process_saw_on_air_is_cut_all_the_same() -> None:
    """`run --once` is another process each time."""
    first, second = ledger(), ledger()

    first.take(bulletin(0, on_air()))
    second.restore(dict(first.changed()))
    second.take(bulletin(9, replace(dark(9), before=None)))

    assert said(deliver(second, 9)) == [f"problem {TOWER} OnAir"]


def test_what_was_stopped_and_is_started_again_waits_for_its_first_picture() -> None:
    """It was not cut, whatever it was before; nor was what is not kept any more, and then is again."""
    idle = condition(Aspect.ON_AIR, Standing.FALSE, Reason.IDLE)
    desk = ledger()

    desk.take(bulletin(0, on_air(), on_air(0, "flow/a"), resources={TOWER, "flow/a"}))
    desk.take(bulletin(5, Transition(resource=TOWER, before=on_air().after, after=idle), resources={TOWER}))
    desk.take(bulletin(9, replace(dark(9), before=idle), replace(dark(9, "flow/a"), before=None)))

    assert deliver(desk, 9) is None


def test_a_warning_waits_and_one_that_passes_is_not_told() -> None:
    """Not that it was there, nor that it is over."""
    desk = ledger()

    desk.take(bulletin(0, failed()))
    early = deliver(desk, 59)
    desk.take(bulletin(59, in_step(59)))

    assert early is None
    assert desk.due_at() is None
    assert deliver(desk, 3600) is None


def test_a_warning_that_stays_is_told_when_it_has_stayed() -> None:
    """And another reason in between does not begin the wait anew."""
    desk = ledger()

    desk.take(bulletin(0, failed()))
    desk.take(bulletin(40, ready(Standing.FALSE, Reason.BLOCKED, 40)))

    assert deliver(desk, 59) is None
    assert desk.due_at() == at(60)
    message = deliver(desk, 60)
    assert said(message) == [f"problem {TOWER} Ready"]
    assert message is not None
    assert message.items[0].reason == "Blocked"


def test_another_reason_of_what_was_told_is_told_too() -> None:
    """After the same wait, and its end is told once."""
    desk = ledger()

    desk.take(bulletin(0, failed()))
    deliver(desk, 60)
    desk.take(bulletin(100, ready(Standing.FALSE, Reason.BLOCKED, 100)))

    assert deliver(desk, 159) is None
    assert said(deliver(desk, 160)) == [f"problem {TOWER} Ready"]
    desk.take(bulletin(200, in_step(200)))
    assert said(deliver(desk, 200)) == [f"resolved {TOWER} Ready"]
    assert deliver(desk, 9999) is None


def test_the_same_problem_at_another_time_is_another_message() -> None:
    """Its condition is false since the same moment, and whoever is told must not take it for what they know."""
    desk = ledger()
    ids = []

    for number, reason in enumerate([Reason.FAILED, Reason.BLOCKED, Reason.FAILED]):
        seconds = number * 200
        desk.take(bulletin(seconds, ready(Standing.FALSE, reason)))
        message = deliver(desk, seconds + 60)
        assert message is not None
        ids.append(message.id)

    assert len(set(ids)) == 3


def test_whoever_is_told_anyway_is_told_everything() -> None:
    """One message a bulletin, the worst first, and not a second one a minute later."""
    desk = ledger()

    desk.take(bulletin(0, failed(resource="flow/news"), dark(), dark(resource="flow/sport")))
    message = deliver(desk, 0)

    assert said(message) == ["problem flow/sport OnAir", f"problem {TOWER} OnAir", "problem flow/news Ready"]
    assert message is not None
    assert message.title == "[critical] local: flow/sport is off air, and 2 more"
    assert message.counts == "2 critical, 1 warning"
    assert deliver(desk, 3600) is None


def test_what_flaps_is_told_once_and_then_again_when_it_is_stable() -> None:
    """However long it goes on in between, and its end is told once."""
    desk = ledger()
    told = []

    for number in range(40):
        seconds = number * 60
        desk.take(bulletin(seconds, dark(seconds) if number % 2 == 0 else on_air(seconds)))
        told += said(deliver(desk, seconds))

    assert told == [
        *[f"problem {TOWER} OnAir", f"resolved {TOWER} OnAir"] * (MOST_CHANGES // 2),
        f"flapping {TOWER} OnAir",
    ]
    calm = 39 * 60 + CALM.total_seconds()
    assert desk.due_at() == at(calm)
    assert deliver(desk, calm - 1) is None
    assert said(deliver(desk, calm)) == [f"resolved {TOWER} OnAir"]


def test_what_flapped_and_stays_bad_is_told_as_a_problem() -> None:
    """It is not forgotten in the quiet."""
    desk = ledger()

    for number in range(MOST_CHANGES + 1):
        desk.take(bulletin(number, dark(number) if number % 2 == 0 else on_air(number)))

    assert said(deliver(desk, 10)) == [f"flapping {TOWER} OnAir"]
    assert said(deliver(desk, 10 + CALM.total_seconds())) == [f"problem {TOWER} OnAir"]


def test_what_is_not_kept_any_more_has_no_problem() -> None:
    """Its problem is told to be over, and why."""
    desk = ledger()

    desk.take(bulletin(0, dark(), resources={TOWER}))
    deliver(desk, 0)
    desk.take(bulletin(5, resources={"flow/other"}))
    message = deliver(desk, 5)

    assert message is not None
    assert [(item.word, item.reason) for item in message.items] == [("resolved", GONE)]
    assert message.title == f"[resolved] local: {TOWER} is not kept any more"


def test_refused_manifests_are_a_problem_until_others_are_accepted() -> None:
    """Each refused revision is one of its own; passes of the last good one end none."""
    desk = ledger(damp_s=0)

    def take(seconds: float, stage: Stage, revision: str, seen: str = "") -> list[str]:
        desk.take(bulletin(seconds, stage=stage, revision=revision, seen=seen, findings=("a.yaml:1:1: SL101 error",)))
        return said(deliver(desk, seconds))

    assert take(0, Stage.REFUSED, "b") == ["problem manifests Accepted"]
    assert take(1, Stage.REFUSED, "b") == []
    assert take(2, Stage.APPLIED, "a", seen="b") == []
    assert take(3, Stage.REFUSED, "c") == ["problem manifests Accepted"]
    assert take(4, Stage.APPLIED, "d") == ["resolved manifests Accepted"]


def test_a_backend_that_cannot_be_read_is_a_problem_until_a_pass_has_read_it() -> None:
    """A look at the manifests says nothing of it, nor does the list of resources."""
    desk = ledger()

    desk.take(bulletin(0, stage=Stage.FAILED, unreadable="no answer in time", resources=frozenset()))
    desk.take(bulletin(30, stage=Stage.FAILED, unreadable="no connection", resources=frozenset()))
    desk.take(bulletin(40, stage=Stage.REFUSED, pass_id="", findings=("x",)))
    message = deliver(desk, 60)
    desk.take(bulletin(70, stage=Stage.APPLIED, resources=frozenset()))

    assert message is not None
    assert ("backend", "no connection") in [(item.resource, item.text) for item in message.items]
    assert message.title == "[warning] local: backend cannot be read, so nothing is sent, and 1 more"
    assert said(deliver(desk, 70)) == ["resolved backend Readable", "resolved manifests Accepted"]


def test_news_is_for_whoever_asks_and_only_the_newest_counts() -> None:
    """By default nobody is told that all went well."""
    curious, usual = ledger("info"), ledger("critical", "warning", "resolved")

    for desk in (curious, usual):
        desk.take(bulletin(0, stage=Stage.APPLIED, done=3))
        desk.take(bulletin(1, stage=Stage.APPLIED, done=1))
        desk.take(bulletin(2, stage=Stage.APPLIED))

    message = deliver(curious, 2)
    assert message is not None
    assert [item.text for item in message.items] == [f"revision {'3f1c0de' + '0' * 33}: 1 change was made"]
    assert deliver(curious, 9) is None
    assert deliver(usual, 2) is None


@pytest.mark.parametrize("wanted", ["critical", "warning", "info"])
def test_a_sink_is_told_what_it_asked_for(wanted: str) -> None:
    """And of nothing else, nor that it is over where it did not ask for that."""
    desk = ledger(wanted)

    desk.take(bulletin(0, dark(), failed(), stage=Stage.APPLIED, done=1))
    first = deliver(desk, 60)
    desk.take(bulletin(70, on_air(70), in_step(70)))

    assert first is not None
    assert {item.label for item in first.items} == {wanted}
    assert deliver(desk, 3600) is None
    assert desk.due_at() is None


def test_the_next_process_goes_on() -> None:
    """What was told is not told again, what was not is told, and each end is told once."""
    desk, after = ledger(), ledger()
    kept: dict[str, object] = {}

    desk.take(bulletin(0, dark(), failed(resource="flow/news")))
    deliver(desk, 0)
    desk.take(bulletin(5, failed(5, resource="flow/late")))
    kept.update(desk.changed())
    after.restore(kept)
    # The first pass of a process sees everything for the first time.
    after.take(bulletin(10, replace(dark(10), before=None), failed(10, "flow/news"), failed(10, "flow/late")))

    assert said(deliver(after, 10)) == []
    assert said(deliver(after, 65)) == ["problem flow/late Ready"]
    after.take(bulletin(70, on_air(70), in_step(70, "flow/news"), in_step(70, "flow/late")))
    assert said(deliver(after, 70)) == [
        f"resolved {TOWER} OnAir", "resolved flow/late Ready", "resolved flow/news Ready",
    ]  # fmt: skip
    assert dict(after.changed()).keys() >= {f"{TOWER} OnAir"}


def test_what_is_over_is_not_kept() -> None:
    """The outbox does not grow with what has passed."""
    desk = ledger()
    kept: dict[str, object] = {}

    desk.take(bulletin(0, dark()))
    deliver(desk, 0)
    kept.update(desk.changed())
    desk.take(bulletin(5, on_air(5)))
    deliver(desk, 5)
    kept.update(desk.changed())

    assert kept[f"{TOWER} OnAir"] is None


def test_what_cannot_be_read_back_is_left_out() -> None:
    """A file that somebody wrote into keeps nobody from being told."""
    desk = ledger()

    desk.restore({"flow/a Ready": {"resource": 3}, "about": {"x": 1}, "news": {}, "flow/b Ready": None})
    desk.take(bulletin(0, dark()))

    assert said(deliver(desk, 0)) == [f"problem {TOWER} OnAir"]


def undelivered(desk_bulletin: Bulletin, *, maybe: bool) -> list[str]:
    """Return what is told of a problem that is over, after an attempt that failed."""
    desk = ledger()
    desk.take(desk_bulletin)
    draft = desk.draft(at(0))
    assert draft is not None
    desk.trying(draft)
    desk.failed(draft, maybe=maybe)
    desk.take(bulletin(5, on_air(5)))
    return said(deliver(desk, 5))


def test_a_problem_that_was_never_told_and_is_over_is_not_told() -> None:
    """Unless nobody knows whether it was: then its end is told."""
    assert undelivered(bulletin(0, dark()), maybe=False) == []
    assert undelivered(bulletin(0, dark()), maybe=True) == [f"resolved {TOWER} OnAir"]


def test_the_same_is_the_same_message_however_often_it_is_tried() -> None:
    """Whoever got it twice can tell; with something new it is another."""
    desk = ledger()
    desk.take(bulletin(0, dark()))

    first, again = desk.draft(at(0)), desk.draft(at(100))
    desk.take(bulletin(200, dark(200, "flow/other")))
    more = desk.draft(at(200))

    assert first is not None
    assert again is not None
    assert more is not None
    assert first.id == again.id != more.id


def test_what_could_not_be_told_for_a_week_is_given_up() -> None:
    """It is counted, and told no more; nor is its end."""
    desk = ledger()
    week = KEPT.total_seconds()

    desk.take(bulletin(0, dark()))

    assert desk.expire(at(week - 1)) == 0
    assert desk.expire(at(week)) == 1
    assert deliver(desk, week) is None
    desk.take(bulletin(week + 1, on_air(week + 1)))
    assert deliver(desk, week + 1) is None


def test_what_is_refused_is_not_told_again_but_the_next_is() -> None:
    """It becomes bad again, and that is another problem."""
    desk = ledger()
    desk.take(bulletin(0, dark(), stage=Stage.APPLIED, done=1))
    draft = desk.draft(at(0))
    assert draft is not None
    desk.trying(draft)

    assert desk.give_up(draft) == 2
    assert deliver(desk, 1) is None
    desk.take(bulletin(2, on_air(2)))
    desk.take(bulletin(3, dark(3)))
    assert said(deliver(desk, 3)) == [f"problem {TOWER} OnAir"]
