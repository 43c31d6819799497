"""`make long`: run the show that is named; the exit status is 1 where somebody saw a gap, or a promise was broken."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.long import churn, crash, examples, histories, onair, recovery, recreate, siblings, soak, steady
from reconciler.cli import logs

_SHOWS: Final[Mapping[str, Callable[[argparse.Namespace], bool]]] = {
    "examples": lambda chosen: examples.show(minutes=chosen.minutes),
    "siblings": lambda chosen: siblings.show(seconds=chosen.seconds, only=chosen.family),
    "churn": lambda chosen: churn.show(churn.Scale(outputs=chosen.outputs, mbps=chosen.mbps, minutes=chosen.minutes)),
    "recreate": lambda chosen: recreate.show(only=chosen.only),
    "crash": lambda chosen: crash.show(every=chosen.every),
    "histories": lambda chosen: histories.show(count=chosen.count, first=chosen.first),
    "recovery": lambda chosen: recovery.show(rounds=chosen.rounds, only=chosen.only),
    "soak": lambda chosen: soak.show(seed=chosen.seed, hours=chosen.hours),
    "steady": lambda chosen: steady.show(seed=chosen.seed, minutes=chosen.minutes),
    "onair": lambda chosen: onair.show(histories=chosen.histories),
}


def main() -> None:
    """Run a show."""
    chosen = _parser().parse_args()
    logs.configure(None, level="warning")
    sys.exit(0 if _SHOWS[chosen.show](chosen) else 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make long", description=__doc__)
    shows = parser.add_subparsers(dest="show", metavar="ARGS", required=True)
    one = shows.add_parser("examples", help="the example manifests, while one output is edited by its file")
    one.add_argument("--minutes", type=float, default=5.0)
    one = shows.add_parser("churn", help="50 SRT outputs, while one more is made and removed every 2 s")
    one.add_argument("--minutes", type=float, default=10.0)
    one.add_argument("--outputs", type=int, default=50)
    one.add_argument("--mbps", type=float, default=2.0, help="of the film that is carried")
    one = shows.add_parser("siblings", help="a receiver kept at each kind of output, while all is done to its siblings")
    one.add_argument("--seconds", type=float, default=120.0, help="for each family of rows")
    one.add_argument("--family", action="append", default=[], help="SRT, RTMP, RTP or RTSP alone; repeat it")
    one = shows.add_parser("recreate", help="whatever cannot be edited is made anew, with somebody at each far end")
    one.add_argument("only", nargs="*", help="of what is tried, those whose name holds one of these words")
    one = shows.add_parser("histories", help="seeded faults and deaths, after which all must be as wanted")
    one.add_argument("--count", type=int, default=1000)
    one.add_argument("--first", type=int, default=0, help="seed of the first")
    _add_production(shows)
    one = shows.add_parser("onair", help="random histories of an account on air, and a checker of every write")
    one.add_argument("--histories", type=int, default=10_000)
    one = shows.add_parser("recovery", help="how long it takes until all is well again, after what goes wrong")
    one.add_argument(
        "only", nargs="*", choices=[*recovery.SCENES, []], metavar="SCENE", help=", ".join(recovery.SCENES)
    )
    one.add_argument("--rounds", type=int, default=5, help="how often each is done")
    one = shows.add_parser("crash", help="an apply killed at every point of every write")
    one.add_argument("--every", type=int, default=1, help="try every so-many-th point alone")
    return parser


def _add_production(shows: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    one = shows.add_parser("soak", help="a day in production on a clock that is moved: what grows, and is it counted")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--hours", type=float, default=24.0, help="simulated")
    one = shows.add_parser("steady", help="`run` beside a relay with faults, while manifests change every few seconds")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--minutes", type=float, default=20.0)


if __name__ == "__main__":
    main()
