"""How an action says no."""

from reconciler.streamlink.codes import Code


class RefusalError(Exception):
    """A request that is answered with an error. The message never quotes a value, which may be a secret."""

    def __init__(self, code: Code, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")
