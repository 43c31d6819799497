"""An apply that somebody interrupts: what is in flight comes to its end or is told as unknown, and nothing is lost."""

import asyncio
import json
import signal
from dataclasses import replace

import pytest

from reconciler.relay.faults.knobs import Delay, When
from tests.endtoend.commands import DEADLINE_S, Said, Shell
from tests.endtoend.manifests import FLOW
from tests.endtoend.studio import CREATE_FLOW, CREATE_OUTPUT, Studio

pytestmark = pytest.mark.anyio


class Interrupted:
    """An apply that is in the middle of a call that takes long."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._err = ""

    async def stop(self, number: signal.Signals) -> None:
        """Send a signal, and return once it was heard."""
        self._process.send_signal(number)
        assert self._process.stderr is not None
        async with asyncio.timeout(DEADLINE_S):
            while "Stopping: " not in self._err:
                line = (await self._process.stderr.readline()).decode()
                assert line, f"it ended without a word of it: {self._err}"
                self._err += line

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def ended(self) -> Said:
        """Return what it said, once it has ended."""
        out, err = await asyncio.wait_for(self._process.communicate(), DEADLINE_S)
        return Said(status=self._process.returncode or 0, out=out.decode(), err=self._err + err.decode())


async def begin(studio: Studio, action: str, *words: str, when: When = When.AFTER_COMMIT) -> Interrupted:
    """Start an apply, and return once one of its calls has been carried out and is not answered."""
    return await begin_verb(studio.reconciler, studio, action, "apply", "--auto-approve", *words, when=when)


async def begin_verb(
    shell: Shell, studio: Studio, action: str, *words: str, when: When = When.AFTER_COMMIT
) -> Interrupted:
    """Do the same for any verb that sends something."""
    studio.faults.turn(Delay(when=when, seconds=60, actions=frozenset({action}), times=1))
    process = await shell.start(*words, studio.tree)
    await asyncio.wait_for(studio.delayed.wait(), DEADLINE_S)
    return Interrupted(process)


def want_one_idle_output(studio: Studio) -> None:
    """Have the tree want a flow that stands still, with one output: its create is the last call."""
    (studio.tree / "news.yaml").write_text(FLOW.replace("region: local", "region: local\n  state: idle"))
    (studio.tree / "platform.yaml").unlink()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_create_in_flight_is_finished(studio: Studio, number: signal.Signals, status: int) -> None:
    """The object is there once, is told as done, and the next apply has nothing to do."""
    want_one_idle_output(studio)
    apply = await begin(studio, CREATE_OUTPUT)

    await apply.stop(number)
    studio.released.set()
    said = await apply.ended()
    again = await studio.apply()

    assert said.status == status, said.everything
    assert "Stopping: finishing 1 call in flight; once more to stop waiting." in said.err
    assert said.out == "Applied: 2 created; 0 unchanged before.\n"
    assert studio.relay.calls[CREATE_OUTPUT] == 1
    assert (await studio.outputs()).keys() == {"tower"}
    assert (again.status, again.out) == (0, "Applied: nothing to do; 2 unchanged before.\n")


async def test_nothing_new_is_sent_after_it(studio: Studio) -> None:
    """What was not sent is named with the reason, as text and as JSON, and the next apply sends it."""
    apply = await begin(studio, CREATE_FLOW, "-o", "json")

    await apply.stop(signal.SIGINT)
    studio.released.set()
    said = await apply.ended()
    again = await studio.apply()

    document = json.loads(said.out)
    results = {f"{item['action']} {item['resource']}": item["result"] for item in document["changes"]}
    assert said.status == 130, said.everything
    assert results == {
        "create flow/news": "done",
        "create output/news/platform": "skipped",
        "create output/news/tower": "skipped",
        "start flow/news": "skipped",
    }
    assert (document["counts"]["done"], document["counts"]["skipped"]) == (1, 3)
    assert again.status == 0, again.everything
    assert studio.relay.calls[CREATE_FLOW] == 1
    assert (await studio.outputs()).keys() == {"tower", "platform"}


@pytest.mark.parametrize("when", When)
async def test_who_asks_twice_is_told_what_nobody_knows(studio: Studio, when: When) -> None:
    """The call that was cut off is unknown; carried out or not, there is one flow after the next apply."""
    apply = await begin(studio, CREATE_FLOW, when=when)

    await apply.stop(signal.SIGINT)
    apply.send(signal.SIGINT)
    said = await apply.ended()
    studio.released.set()
    again = await studio.apply()

    assert said.status == 130, said.everything
    assert "! unknown flow/news (create): nobody waited for the answer" in said.out
    assert "0 blocked, 0 failed, 3 not sent, 1 unknown." in said.out
    assert again.status == 0, again.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}
    assert not await studio.differs()


async def test_a_single_pass_finishes_its_create_too(studio: Studio) -> None:
    """`run --once` is for cron, and whoever ends it must not leave a create that nobody knows of."""
    want_one_idle_output(studio)
    keys = studio.relay.credentials
    variables = {
        **studio.reconciler.variables,
        "TENCENTCLOUD_SECRET_ID": keys.secret_id,
        "TENCENTCLOUD_SECRET_KEY": keys.secret_key,
    }
    shell = replace(studio.reconciler, state=studio.tree.parent / "other", variables=variables)
    backend = ("--backend", "relay", "--endpoint", studio.relay.address, "--region", "local")
    once = await begin_verb(shell, studio, CREATE_OUTPUT, "run", "--once", *backend)

    await once.stop(signal.SIGTERM)
    studio.released.set()
    said = await once.ended()

    assert said.status == 143, said.everything
    assert said.out == "Applied: 2 created; 0 unchanged before.\n"
    assert studio.relay.calls[CREATE_OUTPUT] == 1
