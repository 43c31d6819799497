"""`make long`: run the show that is named; the exit status is 1 where somebody saw a gap."""

import argparse
import sys

from benchmarks.long import churn, examples, recreate, siblings
from reconciler.cli import logs


def main() -> None:
    """Run a show."""
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
    chosen = parser.parse_args()
    logs.configure(None, level="warning")
    sys.exit(0 if _is_clean(chosen) else 1)


def _is_clean(chosen: argparse.Namespace) -> bool:
    match chosen.show:
        case "examples":
            return examples.show(minutes=chosen.minutes)
        case "siblings":
            return siblings.show(seconds=chosen.seconds, only=chosen.family)
        case "recreate":
            return recreate.show(only=chosen.only)
        case _:
            return churn.show(churn.Scale(outputs=chosen.outputs, mbps=chosen.mbps, minutes=chosen.minutes))


if __name__ == "__main__":
    main()
