"""Tests of `cli.for_ever`: settings that are read anew, at whatever moment."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.cli.for_ever import Service, Start
from reconciler.cli.invocation import Invocation
from tests.unit.wiring.chosen import settings_in, write_manifests

pytestmark = pytest.mark.anyio


async def test_settings_may_be_read_anew_before_the_first_loop(tmp_path: Path) -> None:
    """Whoever sends SIGHUP while the relay starts need not send it once more."""
    write_manifests(tmp_path)
    settings = settings_in(tmp_path)
    slower = replace(settings, loop=replace(settings.loop, rescan_s=600))
    start = Start(settings=settings, paths=(), observes=False, here=Invocation(), again=lambda: slower)

    async with wiring.session(settings, media="none") as session:
        service = Service(start)
        service.read_again()
        keeping = asyncio.create_task(service.keep(session))
        # The first loop has begun by then.
        await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.wait({keeping})

        assert session.settings.loop.rescan_s == 600
