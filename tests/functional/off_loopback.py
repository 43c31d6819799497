"""A program that serves a relay on an address of the network, over TLS, and says how requests of all kinds fare."""

import json
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from reconciler.relay import credentials, registration
from reconciler.streamlink.signing import Credentials, SignedParts, signed_headers
from tests.functional.conftest import until

HOST: Final = "192.0.2.10"
COMMAND: Final = (sys.executable, "-m", "reconciler")
Request = tuple[dict[str, str], bytes]
CREATE: Final = {"FlowName": "news", "MaxBandwidth": 10_000_000}


class Scene:
    """A relay's state directory, and the certificates beside it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.certificate, self.key, self.authority = (
            folder / name for name in ("relay.pem", "relay.key", "authority.pem")
        )
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}

    def serve(self, *more: str) -> "subprocess.Popen[bytes]":
        """Start the relay, and wait until it can be found."""
        self.gone()
        tls = ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))
        options = ("--listen", f"{HOST}:0", *(() if "--insecure-http" in more else tls))
        process = subprocess.Popen(
            [*COMMAND, "relay", "--state", str(self.state), "--media", "none", *options, *more],
            stderr=subprocess.DEVNULL,
        )
        until(lambda: registration.read(self.state) is not None, "the relay")
        return process

    def gone(self) -> None:
        """Forget the registration that a killed relay left."""
        (self.state / registration.FILE_NAME).unlink(missing_ok=True)

    @property
    def address(self) -> str:
        """Host and port of the API."""
        found = registration.read(self.state)
        return found.endpoint.removeprefix("https://") if found is not None else ""

    @property
    def keys(self) -> Credentials:
        """The account's keys."""
        found = credentials.load(self.state)
        if found is None:
            raise RuntimeError("the relay has made no keys")
        return found

    def signed(self, action: str, payload: Any) -> Request:
        """Return a request as our client sends it."""
        body = json.dumps(payload).encode()
        parts = SignedParts(
            service="mps",
            host=self.address,
            action=action,
            version="2019-06-12",
            region="local",
            timestamp_s=int(time.time()),
            body=body,
        )
        return signed_headers(parts, self.keys), body

    def send(self, headers: dict[str, str], body: bytes) -> Any:
        """Send a request as it is; return what is inside `Response`."""
        trusted = ssl.create_default_context(cafile=self.authority)
        # The Host header may be that of another start, for it is signed.
        answer = httpx.post(f"https://{self.address}/", headers=headers, content=body, verify=trusted)
        return answer.json()["Response"]

    def code(self, headers: dict[str, str], body: bytes) -> str:
        """Return the code that a request is refused with."""
        return str(self.send(headers, body).get("Error", {}).get("Code", ""))

    def sdk(self) -> str:
        """Return the code that the official SDK is refused with, or what it has read."""
        http = HttpProfile(protocol="https", endpoint=self.address, certification=str(self.authority))
        client = MpsClient(
            Credential(self.keys.secret_id, self.keys.secret_key), "local", ClientProfile(httpProfile=http)
        )
        try:
            return f"{client.DescribeStreamLinkFlows(models.DescribeStreamLinkFlowsRequest()).TotalNum} flows"
        except TencentCloudSDKException as refused:
            return str(refused.get_code())

    def verb(self, *words: str) -> int:
        """Return how one of our verbs ends."""
        done = subprocess.run([*COMMAND, *words], env=self.environment, capture_output=True, timeout=60, check=False)
        return done.returncode


def believed(scene: Scene) -> dict[str, Any]:
    """Say who is let in, and who lets the relay in."""
    state = ("--state", str(scene.state))
    addressed = ("--backend", "relay", "--endpoint", f"https://{scene.address}", "--region", "local")
    return {
        "status of the found relay": scene.verb(*state, "status"),
        "status with its authority": scene.verb(*state, "status", *addressed, "--ca-file", str(scene.authority)),
        "status without": scene.verb(*state, "status", *addressed),
        "official SDK": scene.sdk(),
    }


def overheard(scene: Scene) -> tuple[dict[str, Any], list[Request]]:
    """Say what requests are good for that somebody has overheard, and return the writes among them."""
    create = scene.signed("CreateStreamLinkFlow", CREATE)
    flow = scene.send(*create)["Info"]
    told = {"the same write again": scene.code(*create)}
    headers, body = scene.signed("DescribeStreamLinkFlow", {"FlowId": flow["FlowId"]})
    told["a read"] = scene.code(headers, body)
    told["the read sent as a delete"] = scene.code(headers | {"X-TC-Action": "DeleteStreamLinkFlow"}, body)
    delete = scene.signed("DeleteStreamLinkFlow", {"FlowId": flow["FlowId"]})
    told["a delete"] = scene.code(*delete)
    return told, [create, delete]


def main(folder: Path) -> None:
    """Print what became of each."""
    scene = Scene(folder)
    with scene.serve() as relay:
        told = believed(scene)
        of_requests, writes = overheard(scene)
        relay.kill()
    with scene.serve("--insecure-http") as relay:
        in_the_clear = scene.verb("--state", str(scene.state), "status")
        relay.terminate()
    with scene.serve("--accept-unsigned-action") as relay:
        told |= of_requests | {"status in the clear": in_the_clear, "official SDK, accepted": scene.sdk()}
        relay.terminate()
    with scene.serve() as relay:
        told["the writes after restarts"] = [scene.code(*write) for write in writes]
        told["flows"] = scene.send(*scene.signed("DescribeStreamLinkFlows", {}))["TotalNum"]
        relay.terminate()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
