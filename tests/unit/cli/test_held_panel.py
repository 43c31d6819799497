"""What stands below the table of `make run`."""

import shlex

import pytest
from rich.console import Console

from reconciler.cli.audience import Row
from reconciler.cli.demo import picture
from reconciler.cli.held_panel import panel
from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Action, Blocked, Failed, FlowAt, Hold, Plan, Start, Stop, Waiting
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.safety.judging import held_back
from reconciler.domain.safety.releases import command_for, said_from_here
from reconciler.engine.apply import Outcome, Result
from reconciler.engine.reconcile import PassOutcome
from reconciler.media.probe import Reception
from reconciler.ports.source import Revision
from tests.builders import LOCAL


def stop(name: str = "news") -> Blocked:
    """Return a stop that the on-air guard holds back."""
    change = Stop(key=FlowKey(name), at=FlowAt(LOCAL, name))
    why = "output tower is on air (Connected, 1.1 Mb/s), and viewers would notice."
    return held_back(change, Hold.ON_AIR, why, release=command_for(change))


def a_pass(*blocked: Blocked, undone: tuple[Outcome, ...] = (), left: Plan | None = None) -> PassOutcome:
    """Return a pass that held these back."""
    plan = left or Plan(blocked=blocked)
    return PassOutcome(revision=Revision("one"), outcomes=undone, left=plan, refused=None, duration_s=0.1)


def test_the_releasing_command_is_one_line_of_its_own() -> None:
    """It is copied whole, and stands in no sentence."""
    held = stop()
    assert held.change is not None

    lines = panel(a_pass(held), width=100, lines=20)

    assert lines == [
        "! blocked stop flow/news: output tower is on air (Connected, 1.1 Mb/s), and viewers would notice.",
        f"reconciler apply --approve flow/news:stop:{change_id(held.change)} --reason 'WHY'",
    ]


def test_a_command_that_is_too_long_is_broken_where_a_shell_goes_on() -> None:
    """Copied with its ends of lines it is the same command."""
    held = said_from_here(stop(), "'/opt/a b/reconciler' --state /var/lib/reconciler apply live")

    lines = panel(a_pass(held), width=60, lines=20)[-3:]

    assert all(len(line) <= 60 for line in lines)
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(held.release)


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 7, 12])
def test_what_has_no_room_is_counted(lines: int) -> None:
    """However much is held back, the table stays on the screen."""
    shown = panel(a_pass(*(stop(f"flow{number}") for number in range(9))), width=80, lines=lines)

    assert len(shown) <= lines
    commands = sum(line.startswith("reconciler apply") for line in shown)
    assert shown[-1] == f"and {9 - commands} more held back; `reconciler plan` shows all" or lines == 1


def test_whatever_is_held_back_is_there() -> None:
    """First what a command releases; then the rest with its reasons, cut to two lines each."""
    other = Blocked(key=FlowKey("old"), action=Action.DELETE, why="x " * 200, hold=Hold.OWNERSHIP)
    failed = Outcome(change=Start(key=FlowKey("d"), at=FlowAt(LOCAL, "d")), result=Result.FAILED, why="no \x1b[31m")
    left = Plan(
        blocked=(other, stop()),
        waiting=(Waiting(key=OutputKey("a", "b"), why="no address"),),
        failed=(Failed(key=FlowKey("c"), why="no secret"),),
    )

    lines = panel(a_pass(undone=(failed,), left=left), width=80, lines=30)

    heads = [line.partition(":")[0] for line in lines if line.startswith("!")]
    assert heads == [
        "! blocked stop flow/news", "! blocked delete flow/old", "! failed flow/c", "! waiting output/a/b",
        "! failed flow/d",
    ]  # fmt: skip
    assert sum("x x x" in line for line in lines) == 2
    assert "\x1b" not in "".join(lines)


def test_nothing_held_back_is_no_line() -> None:
    """The table stands alone."""
    assert panel(a_pass(), width=80, lines=20) == []


@pytest.mark.parametrize(("outputs", "held"), [(3, 0), (3, 9), (40, 0), (40, 9), (14, 2)])
def test_the_picture_fits_the_terminal(outputs: int, held: int) -> None:
    """With outputs and blocked changes without end there are 23 lines at most, and both are to be seen."""
    rows = tuple(
        Row(key=OutputKey("news", f"o{number:02}"), protocol="RTP", state="Waiting", reception=Reception())
        for number in range(outputs)
    )
    outcome = a_pass(*(stop(f"flow{number}") for number in range(held)))
    console = Console(width=80, height=24, color_system=None, highlight=False)

    with console.capture() as captured:
        console.print(picture(rows, outcome, width=80, height=24))

    lines = captured.get().splitlines()
    assert len(lines) <= 23
    assert any("news/o00" in line for line in lines)
    assert any(line.startswith("reconciler apply") for line in lines) is (held > 0)
    shown = sum("news/o" in line for line in lines)
    assert shown == outputs or f"and {outputs - shown} more outputs; `reconciler status` shows all" in lines
