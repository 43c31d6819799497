"""
Orders in the state directory: one small JSON file each, so that a person can read, write and remove them at 2 a.m.

`STATE/HALT` stops all writes by its presence alone: `touch` makes it, whatever stands in it. The others are in
`STATE/orders/`. A file appears whole or not at all, and is on the disk when `give` returns.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.domain.findings import fit
from reconciler.domain.model import Key, key_of
from reconciler.domain.orders import Given, Halt, Order, Orders, Pause, Pin, Trial
from reconciler.ports.clock import Clock

HALT: Final = "HALT"
FOLDER: Final = "orders"
MOST_BYTES: Final = 1024 * 1024
"""Of one order; a longer file is none that we wrote."""
_SUFFIX: Final = ".json"
_WORDS: Final[Mapping[type[Order], str]] = {Halt: "halt", Pause: "pause", Pin: "pin", Trial: "trial"}
_MOST_WORDS: Final = 500
_NO_ORDER: Final = (ValueError, KeyError, TypeError, RecursionError, OverflowError)
"""What text that is no order of ours ends with."""
_Stamp = tuple[int, int, int]


class OrdersInDirectory:
    """Implements `ports.orders.OrderBook`; several processes may read and write."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._known: dict[str, tuple[_Stamp, Order]] = {}
        """What stood in each file when it had that time, size and number."""
        self._unread: dict[Path, Halt] = {}
        """Since when what cannot be read cannot be: a halt of another moment would be news each time it is read."""

    def read(self) -> Orders:
        """Return what holds at this moment; an order that cannot be read is a halt that says so."""
        now = self._clock.now()
        found = [order for order in self._all() if order.given.holds(now)]
        return Orders(
            halt=next((each for each in found if isinstance(each, Halt)), None),
            pauses=tuple(each for each in found if isinstance(each, Pause)),
            pins=tuple(each for each in found if isinstance(each, Pin)),
            trials=tuple(each for each in found if isinstance(each, Trial)),
        )

    def give(self, order: Order) -> None:
        """Keep an order, in place of one of the same kind for the same resource."""
        path = self._path(type(order), None if isinstance(order, Halt) else order.resource)
        try:
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            owner = self._state.stat()
            _hand_over(path.parent, owner)
            _write(path, json.dumps(_document(order), indent=2) + "\n", owner, at=order.given.at)
            self._sweep()
        except OSError as error:
            raise EnvironmentFailedError(
                f"The order could not be written to {path}: {error.strerror or error}. Nothing was changed; "
                f"`touch {self._state / HALT}` stops all writes, too."
            ) from error

    def lift(self, kind: type[Order], resource: Key | None = None) -> Order | None:
        """Take an order back, and return it; None where there was none."""
        path = self._path(kind, resource)
        order = self._one(path)
        self._known.pop(str(path), None)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentFailedError(
                f"The order could not be taken back, for {path} cannot be removed: {error.strerror or error}."
            ) from error
        return order

    def _sweep(self) -> None:
        """Remove what has expired: nothing revives it, and files that nobody lifts would pile up for years."""
        now = self._clock.now()
        for path in self._paths():
            order = self._one(path)
            if order is not None and not order.given.holds(now):
                path.unlink(missing_ok=True)

    def _path(self, kind: type[Order], resource: Key | None) -> Path:
        if resource is None:
            return self._state / HALT
        # A name holds letters, digits and underscores alone, so the strokes of an address can be dots.
        return self._state / FOLDER / f"{_WORDS[kind]}.{str(resource).replace('/', '.')}{_SUFFIX}"

    def _all(self) -> list[Order]:
        try:
            paths = self._paths()
        except OSError as error:
            return [self._not_read(self._state / FOLDER, error.strerror or str(error))]
        self._unread.pop(self._state / FOLDER, None)
        found = [order for path in paths if (order := self._one(path)) is not None]
        if len(self._known) > len(paths):
            # Others have lifted some: this process lives for years.
            listed = set(map(str, paths))
            self._known = {path: known for path, known in self._known.items() if path in listed}
        return found

    def _paths(self) -> list[Path]:
        paths = [self._state / HALT]
        try:
            with os.scandir(self._state / FOLDER) as entries:
                paths += sorted(Path(entry.path) for entry in entries if entry.name.endswith(_SUFFIX))
        except FileNotFoundError:
            pass
        return paths

    def _one(self, path: Path) -> Order | None:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._known.get(str(path))
            if known is not None and known[0] == stamp:
                return known[1]
            order = self._parsed(path, _text(path))
        except FileNotFoundError:
            self._known.pop(str(path), None)
            self._unread.pop(path, None)
            return None
        except (OSError, *_NO_ORDER) as error:
            why = error.strerror if isinstance(error, OSError) else f"it is no order of ours ({type(error).__name__})"
            return self._not_read(path, why or str(error))
        self._known[str(path)] = (stamp, order)
        self._unread.pop(path, None)
        return order

    def _not_read(self, path: Path, why: str) -> Halt:
        """Return a halt for what cannot be read; the same one for as long as that is so."""
        halt = _unreadable(path, why, self._clock.now())
        known = self._unread.setdefault(path, halt)
        if known.given.reason != halt.given.reason:
            known = self._unread[path] = halt
        return known

    def _parsed(self, path: Path, text: str) -> Order:
        if path.name == HALT:
            return Halt(given=_given_by_hand(path, text))
        document = json.loads(text)
        key = key_of(document["resource"]) if isinstance(document["resource"], str) else None
        if key is None:
            raise ValueError(document["resource"])
        if self._path(Pause, key).name == path.name:
            return Pause(resource=key, given=_given(document))
        kind = next((kind for kind in (Pin, Trial) if self._path(kind, key).name == path.name), None)
        if kind is None:
            raise ValueError(path.name)
        return kind(
            resource=key,
            revision=str(document["revision"]),
            manifest=str(document["manifest"]),
            against=str(document["against"]),
            given=_given(document),
        )


def _document(order: Order) -> dict[str, Any]:
    given = order.given
    document: dict[str, Any] = {
        "author": given.author,
        "reason": given.reason,
        "at": given.at.isoformat(),
        "until": None if given.until is None else given.until.isoformat(),
    }
    match order:
        case Pause(resource=resource):
            return {"resource": str(resource), **document}
        case Pin(resource=resource) | Trial(resource=resource):
            what = {"revision": order.revision, "against": order.against, "manifest": order.manifest}
            return {"resource": str(resource), **document, **what}
        case _:
            return document


def _given(document: Mapping[str, Any]) -> Given:
    until = document["until"]
    return Given(
        author=fit(str(document["author"]))[:_MOST_WORDS],
        reason=fit(str(document["reason"]))[:_MOST_WORDS],
        at=_moment(document["at"]),
        until=None if until is None else _moment(until),
    )


def _given_by_hand(path: Path, text: str) -> Given:
    """
    Return who stopped all writes: what a command wrote down, else whatever stands in the file.

    A file that was touched after what it says was over is a new halt: whoever touches it means it.
    """
    touched_at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    try:
        given = _given(json.loads(text))
    except _NO_ORDER:
        return Given(author="", reason=fit(text.strip())[:_MOST_WORDS], at=touched_at, until=None)
    if given.until is None or touched_at < given.until:
        return given
    return Given(author="", reason=f"touched again after it was over: {given.reason}", at=touched_at, until=None)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def _unreadable(path: Path, why: str, now: datetime) -> Halt:
    reason = f"the order {path} cannot be read, so nobody knows what it forbids: {why}. Mend it, or remove it"
    return Halt(given=Given(author="", reason=reason, at=now, until=None))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        msg = f"more than {MOST_BYTES} bytes"
        raise ValueError(msg)
    return content.decode("utf-8", "replace")


def _hand_over(made: Path | int, owner: os.stat_result) -> None:
    """Give what root has made to whom the state directory belongs: the service must be able to read it."""
    with contextlib.suppress(PermissionError):
        if isinstance(made, int):
            os.fchown(made, owner.st_uid, owner.st_gid)
        else:
            # Never what a link leads to, for the service may have put it there.
            os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _write(path: Path, text: str, owner: os.stat_result, *, at: datetime) -> None:
    """Put a file in its place at once, and see it on the disk; as old as the order, so that a later touch is told."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".draft")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _hand_over(file.fileno(), owner)
            os.fsync(file.fileno())
        os.utime(draft, (at.timestamp(), at.timestamp()))
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
