"""
The control socket of an engine: JSON commands, one a line, each answered by one line.

`control.sock` is in the working folder, which only the engine's user (and root) may enter. The engine owns no pipe to
whoever started it, so it goes on when that one dies, and answers the next one that connects.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

COMMAND_S: Final = 15.0
"""How long the main loop has for one command."""
_LONGEST_BYTES: Final = 8 << 20

Json = dict[str, Any]
Done = Callable[[Json], None]
"""Takes a command's answer; called once, now or later, from any thread."""
Handle = Callable[[Json, Done], None]
"""Carries a command out; runs on the engine's main loop."""
Post = Callable[[Callable[[], None]], None]
"""Has the engine's main loop run something soon; called from any thread."""


class Control:
    """Answers commands from threads of its own; everything that touches the engine runs on the main loop."""

    def __init__(self, handle: Handle, post: Post) -> None:
        self._handle = handle
        self._post = post
        self._listener = listen("control.sock")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        """Answer one connection's commands until it leaves."""
        with connection, connection.makefile("rwb") as lines, contextlib.suppress(OSError, ValueError):
            while line := lines.readline(_LONGEST_BYTES):
                lines.write(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
                lines.flush()

    def _answer(self, command: Json) -> Json:
        done = threading.Event()
        answer: Json = {}

        def finish(given: Json) -> None:
            answer.update(given)
            done.set()

        self._post(lambda: self._handle(command, finish))
        return answer if done.wait(COMMAND_S) else {"error": "not done in time"}


def listen(name: str) -> socket.socket:
    """
    Return a listening unix socket in the working folder that only its owner may reach.

    It gets its name once it listens: whoever has waited for the name may connect at once.
    """
    draft = Path(f"{name}.new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(draft))
    draft.chmod(0o600)
    listener.listen(16)
    draft.rename(name)
    return listener
