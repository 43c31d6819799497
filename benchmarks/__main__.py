"""`make bench`: run the measurements and print them; the exit status says only that they could be made."""

import argparse
import compileall
from pathlib import Path

import reconciler
from benchmarks import converge, follow, push, validate, warm
from benchmarks.bill import measure as bill
from reconciler.cli import logs


def main() -> None:
    """Run every measurement, or the one that is named."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure beside the peers, in interleaved runs.")
    parser.add_argument(
        "name",
        nargs="?",
        choices=["validate", "others", "warm", "follow", "push", "converge", "relay"],
        help="this one alone",
    )
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--row", action="append", default=[], help="of the relay: rows whose name holds this; repeat it"
    )
    parser.add_argument("--most", type=int, default=100, help="of the relay: outputs at once")
    parser.add_argument("--flows", type=int, default=1000, help="of converge: with four outputs each")
    parser.add_argument(
        "--delay", type=float, default=0.0, help="of converge: seconds that the service takes for a call"
    )
    chosen = parser.parse_args()
    # As pip does with what it installs, the peers among it; from a checkout ours might be compiled in each run.
    compileall.compile_dir(Path(reconciler.__file__).parent, quiet=1)
    if chosen.name in {None, "validate"}:
        validate.measure(documents=chosen.documents, rounds=chosen.rounds)
        validate.measure_help(rounds=4 * chosen.rounds)
    if chosen.name in {None, "others"}:
        validate.measure_beside_others(documents=chosen.documents, rounds=1)
    _measure_loop(chosen)
    if chosen.name in {None, "relay"}:
        logs.configure(None, level="warning")
        bill.measure(only=chosen.row, most=chosen.most)


def _measure_loop(chosen: argparse.Namespace) -> None:
    if chosen.name in {None, "warm"}:
        warm.measure(documents=chosen.documents, rounds=max(5, chosen.rounds))
    if chosen.name in {None, "follow"}:
        follow.measure(rounds=chosen.rounds)
    if chosen.name == "push":
        push.measure(files=chosen.documents, rounds=max(20, chosen.rounds))
    if chosen.name in {None, "converge"}:
        converge.measure(flows=chosen.flows, delay_s=chosen.delay)


if __name__ == "__main__":
    main()
