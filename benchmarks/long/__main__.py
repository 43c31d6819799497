"""`make long`: run the show that is named; the exit status is 1 where somebody saw a gap."""

import argparse
import sys

from benchmarks.long import churn, examples, onair, siblings
from reconciler.cli import logs


def main() -> None:
    """Run a show."""
    chosen = _parser().parse_args()
    logs.configure(None, level="warning")
    match chosen.show:
        case "examples":
            clean = examples.show(minutes=chosen.minutes)
        case "onair":
            clean = onair.show(histories=chosen.histories)
        case "siblings":
            clean = siblings.show(seconds=chosen.seconds, only=chosen.family)
        case _:
            clean = churn.show(churn.Scale(outputs=chosen.outputs, mbps=chosen.mbps, minutes=chosen.minutes))
    sys.exit(0 if clean else 1)


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
    one = shows.add_parser("onair", help="random histories of an account on air, and a checker of every write")
    one.add_argument("--histories", type=int, default=10_000)
    return parser


if __name__ == "__main__":
    main()
