"""A disk that is full: the change is refused, and nothing that was there is lost."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.mps.v20190612 import models

from reconciler.relay import credentials, registration
from tests.endtoend.sdk import Sdk
from tests.media.watching import until

pytestmark = pytest.mark.anyio

MOUNT = 'mount -t tmpfs -o size=2m,mode=700 none "$0" && exec "$@"'


@contextlib.asynccontextmanager
async def relay_on_a_small_disk(state: Path) -> AsyncIterator[Path]:
    """Serve with a state directory of 2 MiB, and lend the place where that is seen from here."""
    serve = (sys.executable, "-m", "reconciler", "--state", str(state), "relay", "--media", "none")
    child = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "sh", "-c", MOUNT, str(state), *serve), stderr=asyncio.subprocess.DEVNULL
    )
    seen = Path(f"/proc/{child.pid}/root{state}")
    try:
        yield seen
    finally:
        child.terminate()
        await child.wait()


def fill(folder: Path) -> Path:
    """Write until nothing more goes in."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def wanted(name: str) -> models.CreateStreamLinkFlowRequest:
    """Return the request that makes a flow."""
    request = models.CreateStreamLinkFlowRequest()
    request.FlowName, request.MaxBandwidth = name, 10_000_000
    return request


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
async def test_a_full_disk_refuses_changes_and_loses_nothing(tmp_path: Path) -> None:
    """While the disk is full a create fails and the flow is still described; with room again, creates work."""
    async with asyncio.timeout(60), relay_on_a_small_disk(tmp_path) as seen:

        async def serves() -> bool:
            return registration.read(seen) is not None

        await until(serves)
        keys, found = credentials.load(seen), registration.read(seen)
        assert keys is not None
        assert found is not None
        sdk = Sdk(found.endpoint.removeprefix("http://"), keys)
        await sdk.call("CreateStreamLinkFlow", wanted("before"))
        filler = fill(seen)
        with pytest.raises(TencentCloudSDKException) as refused:
            await create_many(sdk)
        while_full = await names(sdk)
        filler.unlink()
        await sdk.call("CreateStreamLinkFlow", wanted("after"))
        afterwards = await names(sdk)

    assert refused.value.code == "InternalError"
    assert "before" in while_full
    assert afterwards == [*while_full, "after"]


async def create_many(sdk: Sdk) -> None:
    """Create flows, more than a full disk can have room for in what it has kept for itself."""
    for number in range(1000):
        await sdk.call("CreateStreamLinkFlow", wanted(f"meanwhile_{number}"))


async def names(sdk: Sdk) -> list[str]:
    """Return the names of the first flows."""
    request = models.DescribeStreamLinkFlowsRequest()
    request.PageSize = 100
    return [flow.FlowName for flow in (await sdk.call("DescribeStreamLinkFlows", request)).Infos]
