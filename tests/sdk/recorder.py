"""An account that keeps every request, and what a request means."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from reconciler.streamlink.wire import ACTIONS
from tests.fakes.samples import FLOWS

SRT_DEFAULTS: Final[dict[str, Any]] = {
    "StreamId": "",
    "Latency": 120,
    "RecvLatency": 120,
    "PeerLatency": 120,
    "PeerIdleTimeout": 5000,
    "Passphrase": "",
    "PbKeyLen": 0,
}
MEANINGS: Final[dict[str, dict[str, Any]]] = {
    "InputGroup": {"SRTSettings": {"Mode": "LISTENER", "SourceAddresses": [], **SRT_DEFAULTS}},
    "Input": {"SRTSettings": {"Mode": "LISTENER", "SourceAddresses": [], **SRT_DEFAULTS}},
    "Output": {"SRTSettings": {"Mode": "CALLER", **SRT_DEFAULTS}},
}
"""What the API documents for a setting that is not sent. We send all of them; a user of the SDK leaves them out."""
FLOW_ID: Final = "flow-{}".format
OUTPUT_ID: Final = "018b22baaf39"
MARK: Final = "[gitops:v1 o=us n={}{}]".format


@dataclass(frozen=True)
class Recorded:
    """One request as it came over the network."""

    headers: dict[str, str]
    body: bytes

    @property
    def meaning(self) -> tuple[str, str, str, Any]:
        """Return action, version, region and payload, with the settings that a client may leave to their defaults."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        payload = meaning_of(json.loads(self.body))
        return headers["x-tc-action"], headers["x-tc-version"], headers["x-tc-region"], payload


def meaning_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload without nulls, its documented defaults filled in."""
    meant = {name: value for name, value in payload.items() if value is not None}
    for name, defaults in MEANINGS.items():
        if isinstance(meant.get(name), dict):
            meant[name] = filled(meant[name], defaults)
        elif name in meant:
            meant[name] = [filled(each, defaults) for each in meant[name]]
    return meant


def filled(end: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return an input or output with the defaults of the settings that it has, and without empty ones."""
    said = {name: value for name, value in end.items() if value not in (None, {})}
    return said | {name: values | said[name] for name, values in defaults.items() if name in said}


class Recorder(ThreadingHTTPServer):
    """Keeps every request, and answers as an account with the samples' flows would."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self._running: set[str] = set()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def endpoint(self) -> str:
        """Return where it serves."""
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return what such an account answers."""
        if action == "StartStreamLinkFlow":
            self._running.add(payload["FlowId"])
        elif action == "StopStreamLinkFlow":
            self._running.discard(payload["FlowId"])
        elif action == "DescribeStreamLinkFlows":
            return {"Infos": [self._flow(flow.live_name) for flow in FLOWS], "TotalNum": len(FLOWS)}
        elif action == "DescribeStreamLinkFlow":
            return {"Info": self._flow(payload["FlowId"].removeprefix("flow-"))}
        return {}

    def _flow(self, live_name: str) -> dict[str, Any]:
        return flow_payload(live_name, "RUNNING" if FLOW_ID(live_name) in self._running else "IDLE")

    def writes(self) -> list[Recorded]:
        """Return the requests that change something."""
        return [each for each in self.requests if ACTIONS[each.meaning[0]].writes]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_POST(self) -> None:
        """Record the request and answer it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(Recorded(headers=dict(self.headers.items()), body=body))
        response = {**self.server.answer(self.headers["X-TC-Action"], json.loads(body)), "RequestId": "r"}
        content = json.dumps({"Response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def flow_payload(live_name: str, state: str) -> dict[str, Any]:
    """Return a flow of ours of that name with one input and one output, as found before the edits."""
    found_input = {"InputId": "i", "InputName": live_name, "Protocol": "SRT", "Description": MARK(live_name, "")}
    output = {
        "OutputId": OUTPUT_ID,
        "OutputName": "caller",
        "Description": MARK("caller", ""),
        "Protocol": "SRT",
        "OutputRegion": "local",
        "SecurityGroupIds": ["sg-1"],
    }
    return {
        "FlowId": FLOW_ID(live_name),
        "FlowName": live_name,
        "State": state,
        "InputGroup": [found_input],
        "OutputGroup": [output],
    }


@contextmanager
def recorder() -> Iterator[Recorder]:
    """Serve on a free port of this machine."""
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
