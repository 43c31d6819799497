"""Histories of faults and deaths by their seeds, as many as are asked for, on every core."""

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from benchmarks.stage.terminal import console, say
from tests.histories import history, virtual
from tests.histories.history import Figures
from tests.histories.witness import BrokenPromiseError


def show(*, count: int, first: int) -> bool:
    """Live through the histories of so many seeds, print what was seen, and return whether no promise was broken."""
    total, broken = Figures(), 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=_quiet) as pool:
        for done, (seed, seen, problem) in enumerate(pool.map(_one, range(first, first + count)), start=1):
            if seen is None:
                broken += 1
                say(f"seed {seed}: {problem}")
            else:
                total.add(seen)
            if done % 50 == 0:
                say(f"{done} of {count} histories, {broken} broken promises")
    for line in total.told():
        console().print(line)
    console().print(f"{broken} broken promises in {count} histories, seeds {first} to {first + count - 1}")
    return not broken


def _quiet() -> None:
    """Have no log: every other line would be a fault on purpose."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(60))


def _one(seed: int) -> tuple[int, Figures | None, str]:
    with TemporaryDirectory() as directory:
        try:
            return seed, history.run(seed, Path(directory)), ""
        except (BrokenPromiseError, virtual.StuckError) as error:
            return seed, None, str(error)
