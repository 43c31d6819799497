"""`reconciler why`."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.completing import resources
from reconciler.cli.options import Options, form_option, paths_argument
from reconciler.domain.errors import EnvironmentFailedError, ReconcilerError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.cli.decision import InJournal, InTree
    from reconciler.settings import Settings


@click.command(name="why")
@click.argument("resource", metavar="RESOURCE", shell_complete=resources)
@paths_argument
@form_option
@click.pass_obj
def command(options: Options, /, resource: str, paths: tuple[Path, ...], *, form: str) -> None:
    """
    Say why a resource is as it is: manifest, findings, revision, guard, window, last call and its error, next try.

    RESOURCE is flow/NAME or output/FLOW/NAME. The manifests are read as they are now, those at PATH or of the settings,
    and the journal in the state directory. No backend is asked.
    """
    from reconciler import wiring
    from reconciler.cli import decision_view, journal_options
    from reconciler.cli.addresses import address_of
    from reconciler.cli.decision import Decision
    from reconciler.cli.formats.json import dumped
    from reconciler.sources.clock import SystemClock

    settings, address = options.settings(), address_of(resource)
    tree, journal = _look(settings, paths, address), _read(settings, address)
    if not tree.is_known and not journal.is_known:
        raise UsageError(_unknown(address, tree.said, {*tree.names, *journal.names}))
    now = SystemClock().now()
    decision = Decision(
        resource=address,
        tree=tree.said,
        journal=journal.said,
        is_held=wiring.is_held(settings),
        now=now,
        orders=_orders(settings, address),
        windows=_windows(address, tree.said, now),
    )
    if form == "json":
        click.echo(dumped(decision_view.document(decision)))
    else:
        journal_options.tell(decision_view.text(decision, journal_options.page()), color=options.use_color)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    said: "InTree"
    names: frozenset[str] = field(default_factory=frozenset)
    """Every resource that is described."""

    @property
    def is_known(self) -> bool:
        return bool(self.said.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journal:
    said: "InJournal"
    is_known: bool = False
    names: frozenset[str] = field(default_factory=frozenset)
    """Resources that it speaks of."""


def _look(settings: "Settings", paths: tuple[Path, ...], address: str) -> _Tree:
    """Return what the manifests say; where nobody named them and they are not there, the journal is enough."""
    from reconciler import wiring
    from reconciler.cli import logs
    from reconciler.cli.asynchronous import one_shot
    from reconciler.cli.decision import InTree, in_tree

    try:
        wiring.demand_paths(settings, paths)
        if wiring.is_followed(settings, paths):
            logs.configure(settings.log_format, level="warning")
        snapshot = one_shot(wiring.source(settings, paths).snapshot())
    except ReconcilerError as error:
        if paths:
            raise
        return _Tree(said=InTree(trouble=str(error)))
    reader = wiring.manifest_reader(settings)
    verdict = reader.read(snapshot.files)
    described = reader.places()
    places = [place.at(()) for place in described.get(address, ())]
    return _Tree(said=in_tree(address, snapshot, verdict, places), names=frozenset(described))


def _read(settings: "Settings", address: str) -> _Journal:
    """Return what the journal says; the manifests are enough where it cannot be read."""
    from reconciler import wiring
    from reconciler.cli.decision import InJournal, in_journal, knows, named_in
    from reconciler.cli.journal_options import nothing

    try:
        with contextlib.closing(wiring.reading_journal(settings)) as reader:
            if not reader.is_there:
                return _Journal(said=InJournal(trouble=nothing(reader, "", "")))
            said = in_journal(address, reader)
            return _Journal(said=said, is_known=knows(reader, address), names=named_in(reader))
    except EnvironmentFailedError as error:
        return _Journal(said=InJournal(trouble=str(error)))


def _orders(settings: "Settings", address: str) -> tuple[str, ...]:
    """Return what people have ordered beside git that is about a resource."""
    from reconciler import wiring
    from reconciler.domain.model import key_of
    from reconciler.domain.order_words import sentences

    key = key_of(address)
    return () if key is None else sentences(wiring.orders(settings).read(), key)


def _windows(address: str, tree: "InTree", now: "datetime") -> tuple[str, ...]:
    """Return what the calendars of a tree do to a resource now; whether anything is on air is not asked."""
    from reconciler import wiring
    from reconciler.domain.model import key_of

    key = key_of(address)
    if key is None or not tree.policies.calendars:
        return ()
    try:
        timetable = wiring.timetable(tree.policies)
    except EnvironmentFailedError as error:
        return (str(error),)
    ruling = timetable.ruling(key, tree.labels, now)
    standing = () if ruling.standing is None else (timetable.words(ruling.standing, now),)
    return (*(timetable.words(overrun, now) for overrun in ruling.overruns), *standing)


def _unknown(address: str, tree: "InTree", names: Iterable[str]) -> str:
    from reconciler.domain.rules.nearest import did_you_mean

    known = sorted(names)
    last = address.rpartition("/")[2]
    alike = [name for name in known if name.rpartition("/")[2] == last]
    hint = f"did you mean {' or '.join(alike)}?" if alike else did_you_mean(address, known)
    if tree.trouble:
        hint = f"the manifests could not be looked at: {tree.trouble}"
    elif tree.errors and not hint:
        hint = f"the manifests have errors ({tree.errors}), which may hide it: `reconciler validate` lists them"
    return f"Neither the manifests nor the journal know {address}" + (f"; {hint}" if hint else "")
