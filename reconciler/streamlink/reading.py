"""Reading answers: every member has the type that the contract says, or the answer is garbled."""

from typing import Any, TypeVar

from reconciler.domain.errors import GarbledError
from reconciler.streamlink.wire import Payload

_Value = TypeVar("_Value")


class Members:
    """The members of a JSON object. The service writes null, or nothing, for what says nothing."""

    def __init__(self, payload: Payload, path: str) -> None:
        self.payload = payload
        self._path = path

    def text(self, name: str) -> str:
        """Return a string; "" for none."""
        return self._typed(name, str, "")

    def number(self, name: str, *, default: int) -> int:
        """Return an integer; the default for none."""
        value = self._typed(name, int, default)
        if isinstance(value, bool):
            raise self._garbled(name, int)
        return value

    def quantity(self, name: str) -> float | None:
        """Return a number, whole or not; None for none."""
        value: Any = self.payload.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self._garbled(name, float)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; empty for none."""
        members = self._typed(name, list, [])
        if not all(isinstance(member, str) for member in members):
            raise self._garbled(name, str)
        return tuple(members)

    def inner(self, name: str) -> "Members":
        """Return an object; an empty one for none."""
        return Members(self._typed(name, dict, {}), f"{self._path}.{name}")

    def objects(self, name: str) -> tuple["Members", ...]:
        """Return a list of objects; empty for none."""
        members = self._typed(name, list, [])
        if not all(isinstance(member, dict) for member in members):
            raise self._garbled(name, dict)
        return tuple(Members(member, f"{self._path}.{name}[{index}]") for index, member in enumerate(members))

    def _typed(self, name: str, kind: type[_Value], default: _Value) -> _Value:
        value: Any = self.payload.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise self._garbled(name, kind)
        return value

    def _garbled(self, name: str, kind: type[object]) -> GarbledError:
        # The value stays unsaid: it may be a secret in the wrong place.
        return GarbledError(
            f"The answer is outside the contract: {self._path}.{name} is no {kind.__name__}.", maybe_applied=False
        )
