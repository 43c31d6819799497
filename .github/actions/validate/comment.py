"""
Put the plan into the pull request: the comment of an earlier run is replaced, so that there is ever one.

Environment: GH_TOKEN; GITHUB_API_URL; GITHUB_REPOSITORY; NUMBER, of the pull request; PLAN, the file.
"""

import os
import sys
from pathlib import Path
from typing import Any

import httpx

MARKER = "<!-- reconciler: plan -->"
"""The first line of the plan's comment, by which the one of an earlier run is found."""
PAGE = 100
TIMEOUT_S = 30.0


def main() -> int:
    """Replace the comment, or write the first one."""
    body = Path(os.environ["PLAN"]).read_text(encoding="utf-8")
    if not body.startswith(MARKER):
        print("::error::What should be the plan's comment is something else.")
        return 1
    headers = {"Authorization": f"Bearer {os.environ['GH_TOKEN']}", "Accept": "application/vnd.github+json"}
    base = f"{os.environ['GITHUB_API_URL'].rstrip('/')}/repos/{os.environ['GITHUB_REPOSITORY']}/issues/"
    try:
        with httpx.Client(base_url=base, headers=headers, timeout=TIMEOUT_S) as client:
            known = _known(client, os.environ["NUMBER"], MARKER)
            if known is None:
                answer = client.post(f"{os.environ['NUMBER']}/comments", json={"body": body})
            else:
                answer = client.patch(f"comments/{known}", json={"body": body})
            answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.FORBIDDEN:
            # So it is for a pull request of a fork, and where the workflow has not the right: that breaks nothing.
            print("::notice::Nothing may be written into this pull request. The plan is in the summary.")
            return 0
        # What was asked for is told, and never the token.
        print(f"::error::The plan's comment was refused with {error.response.status_code}. It is in the summary.")
        return 1
    except (httpx.HTTPError, ValueError, AttributeError, KeyError, TypeError) as error:
        # The last four: what came is no answer of a forge.
        print(f"::error::The plan's comment could not be written: {type(error).__name__}. It is in the summary.")
        return 1
    return 0


def _known(client: httpx.Client, number: str, marker: str) -> int | None:
    """Return the id of the comment that an earlier run has written, None when there is none."""
    page = 1
    while True:
        answer = client.get(f"{number}/comments", params={"per_page": PAGE, "page": page})
        answer.raise_for_status()
        comments: list[dict[str, Any]] = answer.json()
        for comment in comments:
            # Who has gone has no user any more.
            is_bot = (comment.get("user") or {}).get("type") == "Bot"
            if is_bot and (comment.get("body") or "").startswith(marker):
                return int(comment["id"])
        if len(comments) < PAGE:
            return None
        page += 1


if __name__ == "__main__":
    sys.exit(main())
