"""Wiring: from settings to the chosen implementations; the only place that picks, and that reads the environment."""

import contextlib
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.domain.errors import EnvironmentFailedError, UnavailableError, UsageError
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.settings import AUTO, DEFAULT_FILE, BackendKind, BackendSettings, Layers, Settings, settings_from

if TYPE_CHECKING:
    from reconciler.domain.impact import Capabilities, EditRules
    from reconciler.domain.policies import Policies
    from reconciler.domain.safety.limits import Limits
    from reconciler.domain.saved_plans import SavedPlan
    from reconciler.domain.timetable import Timetable
    from reconciler.engine.loop import Loop, Timing
    from reconciler.engine.reconcile import PassOutcome
    from reconciler.engine.world import World
    from reconciler.journal.reader import JournalReader
    from reconciler.manifests.reader import ManifestReader
    from reconciler.ports.backend import Backend
    from reconciler.ports.clock import Clock
    from reconciler.ports.journal import Journal
    from reconciler.ports.secrets import Vault
    from reconciler.ports.signatures import Verifier
    from reconciler.ports.source import ManifestFile, Reader, Source, Verdict
    from reconciler.ports.writer import Writer
    from reconciler.relay.faults.injection import Faults
    from reconciler.relay.service import Relay
    from reconciler.sources.git import Repository
    from reconciler.streamlink.signing import Credentials

RELAY_OWNER: Final = Owner("local")
RELAY_OBSERVE_S: Final = 5.0
"""Between two passes for drift on a relay: it is on this machine, and asking costs next to nothing."""
CLOUD_OBSERVE_S: Final = 60.0
RELAY_RATE_PER_S: Final = 1000.0
"""The relay sets no limit of its own; this one only keeps a runaway from filling its disk."""
CLOUD_RATE_PER_S: Final = 15.0
"""Source: StreamLink API, the default limit of an action is 20 calls a second; five are left to people."""
RELAY_BREAKER_PAUSE_S: Final = 5.0
"""How long a relay is left alone that does not answer: it is started again within seconds, and asking costs nothing."""
CLOUD_BREAKER_PAUSE_S: Final = 60.0


class Where(StrEnum):
    """How a backend is come by."""

    EMBEDDED = "embedded"
    """The relay, started in this process."""
    FOUND = "found"
    """The relay that is running on the state directory."""
    ADDRESSED = "addressed"
    """A relay at a given endpoint."""
    CLOUD = "cloud"
    """A StreamLink account."""


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """
    Return the settings that flags, the environment and the settings file say, in this order.

    Args:
        config: the settings file; None for `RECONCILER_CONFIG`, else `reconciler.yaml` where it is there.
        flags: by path, such as `backend.owner`; None where not given.
        environment: the process's own when None.

    Raises:
        UsageError: a setting is not allowed, or the file is not there.

    """
    environment = os.environ if environment is None else environment
    named = config or environment.get("RECONCILER_CONFIG")
    path = Path(named) if named else DEFAULT_FILE
    if named and not path.is_file():
        raise UsageError(f"The settings file {path} is not there")
    content = _file_of(path, "config", "settings") if path.is_file() else {}
    return settings_from(Layers(flags=flags or {}, environment=environment, file=content, file_name=str(path)))


def load_faults(path: Path) -> "Faults | None":
    """
    Return what a relay is to do wrong on purpose; None where the file turns no knob on.

    Raises:
        UsageError: the file is not there, or does not fit its schema.

    """
    from reconciler.relay.faults.injection import Faults
    from reconciler.relay.faults.knobs import knobs_from

    knobs = knobs_from(_file_of(path, "faults", "faults"))
    return Faults(*knobs) if knobs else None


def load_plan(path: Path) -> "SavedPlan":
    """
    Return the plan that was saved in a file.

    Raises:
        UsageError: it cannot be read, or is no such file.

    """
    from reconciler.manifests import plan_file

    try:
        with path.open("rb") as file:
            content = file.read(plan_file.MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The plan {path} cannot be read: {error.strerror}") from error
    return plan_file.read_plan(content, called=str(path))


def saved_document(plan: "SavedPlan") -> Mapping[str, Any]:
    """Return what is written into the file of a saved plan."""
    from reconciler.manifests import plan_file

    return plan_file.document(plan)


def wants_color(*, environment: Mapping[str, str] | None = None) -> bool | None:
    """Return False where NO_COLOR asks for none (see no-color.org); None leaves it to the terminal."""
    environment = os.environ if environment is None else environment
    return False if environment.get("NO_COLOR") else None


def where(backend: BackendSettings, *, may_embed: bool) -> Where:
    """
    Return how the backend is come by.

    Raises:
        UsageError: nothing chosen, and keys of an account in the environment; or something that is needed is missing.

    """
    match backend.kind:
        case None:
            _refuse_unclear(backend)
            return Where.EMBEDDED if may_embed else Where.FOUND
        case BackendKind.RELAY if backend.endpoint:
            return Where.ADDRESSED
        case BackendKind.RELAY:
            return Where.EMBEDDED if may_embed else Where.FOUND
        case BackendKind.STREAMLINK:
            _demand_cloud(backend)
            return Where.CLOUD


def source(settings: Settings, paths: Sequence[Path] = ()) -> "Source":
    """Return the tree of manifests: the given paths, else those of the settings."""
    from reconciler.sources.directory import DirectorySource

    return DirectorySource(tuple(paths) or settings.paths)


def files(paths: Sequence[Path]) -> "tuple[ManifestFile, ...]":
    """Return the manifests at or below paths as they are now."""
    from reconciler.sources.scanning import Scanner

    return Scanner(paths).files()


def manifest_reader(settings: Settings) -> "ManifestReader":
    """Return what reads manifests, and can show their lines."""
    from reconciler.manifests.reader import ManifestReader

    return ManifestReader(secrets_env=settings.secrets.env, egress=settings.backend.egress)


def writer() -> "Writer":
    """Return what writes manifests."""
    from reconciler.manifests.writing import ManifestWriter

    return ManifestWriter()


def clock() -> "Clock":
    """Return the time."""
    from reconciler.sources.clock import SystemClock

    return SystemClock()


def reader(settings: Settings) -> "Reader":
    """Return what reads manifests."""
    return manifest_reader(settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Two commits, and where what is between them began."""

    base: str
    head: str
    began: str
    """The commit that both have in common last: what `head` changes, it changes after this one. Else the base."""
    is_related: bool
    """Whether they have a commit in common."""


def branch(base: str, head: str = "HEAD") -> Branch:
    """
    Return the commits that two revisions of the repository here name.

    Raises:
        UsageError: there is no such commit.
        EnvironmentFailedError: git is not there.

    """
    repository = _repository()
    base, head = repository.commit(base), repository.commit(head)
    met = repository.meeting(base, head)
    return Branch(base=base, head=head, began=met or base, is_related=met is not None)


def verdict_at(settings: Settings, paths: Sequence[Path], commit: str) -> "Verdict":
    """
    Return what the manifests at or below paths say at a commit of the repository here.

    Raises:
        UsageError: a path is not in the repository.
        EnvironmentFailedError: git is not there.

    """
    return reader(settings).read(_repository().manifests(commit, tuple(paths) or settings.paths))


def _repository() -> "Repository":
    from reconciler.sources.git import Repository

    return Repository(Path(), environment=os.environ)


def verdict_now(settings: Settings, paths: Sequence[Path]) -> "Verdict":
    """
    Return what the manifests at or below paths say as the files are now.

    Raises:
        UsageError: a path does not exist.

    """
    demand_paths(settings, paths)
    return reader(settings).read(files(tuple(paths) or settings.paths))


def zone_of(name: str) -> tzinfo:
    """
    Return the wall clock of an IANA time zone.

    Raises:
        EnvironmentFailedError: this machine does not know the zone.

    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EnvironmentFailedError(
            f"This machine does not know the time zone {name!r}, so what its calendar holds back cannot be told. Is it "
            "an IANA name, such as Europe/Berlin? Time zones come with the system's package tzdata, or Python's."
        ) from error


def timetable(policies: "Policies") -> "Timetable":
    """
    Return what the calendars of a tree say at a moment.

    Raises:
        EnvironmentFailedError: this machine does not know a zone.

    """
    from reconciler.domain.timetable import Timetable

    return Timetable(policies.calendars, zone_of)


def capabilities(settings: Settings) -> "Capabilities":
    """Return what the backend of the settings can do, without asking it."""
    from reconciler.domain.impact import Capabilities

    rules = edit_rules(settings)
    known = Capabilities() if rules is None else Capabilities(rules=rules)
    rate = settings.backend.rate_per_s
    return known if rate is None else replace(known, calls_per_s=rate)


def step_summary(*, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the page that a step of GitHub Actions may write for people; None where there is none."""
    named = (os.environ if environment is None else environment).get("GITHUB_STEP_SUMMARY", "")
    return Path(named) if named else None


def token() -> str:
    """Return a word that nobody can have written beforehand."""
    return secrets.token_hex(16)


def vault(settings: Settings, *, environment: Mapping[str, str] | None = None) -> "Vault":
    """Return where secrets are looked up."""
    from reconciler.sources.vault import SecretVault

    return SecretVault(
        env=os.environ if environment is None else environment,
        env_patterns=settings.secrets.env,
        directory=settings.secrets.dir,
    )


def journal(settings: Settings) -> "Journal":
    """Return where passes write down what they do; nothing is opened before something is written, or asked."""
    from reconciler.journal.schema import FILE_NAME
    from reconciler.journal.sqlite import SqliteJournal
    from reconciler.sources.clock import SystemClock

    return SqliteJournal(settings.state / FILE_NAME, SystemClock())


def reading_journal(settings: Settings) -> "JournalReader":
    """
    Return the journal to be read, while others may write it; one that is not there yet is empty.

    Raises:
        EnvironmentFailedError: it cannot be read.

    """
    from reconciler.journal.reader import JournalReader
    from reconciler.journal.schema import FILE_NAME

    return JournalReader(settings.state / FILE_NAME)


def is_held(settings: Settings) -> bool:
    """Return whether a `run` or a `relay` is at work on the state directory."""
    from reconciler.coordination.alone import holder_of

    return holder_of(settings.state) is not None


def owner(settings: Settings) -> Owner:
    """Return whose objects may be touched."""
    return settings.backend.owner or RELAY_OWNER


def demand_paths(settings: Settings, paths: Sequence[Path]) -> None:
    """
    Go on only where the manifests are there.

    Raises:
        UsageError: a path does not exist.

    """
    missing = [path for path in (tuple(paths) or settings.paths) if not path.exists()]
    if missing:
        names = ", ".join(map(str, missing))
        raise UsageError(f"There is nothing at {names}. `reconciler init` writes a first working tree of manifests.")


@contextlib.asynccontextmanager
async def existing_backend(settings: Settings) -> AsyncIterator["Backend"]:
    """
    Lend the backend that a verb other than `run` talks to.

    Raises:
        UsageError: it is not clear which.
        UnavailableError: no relay is running on the state directory.

    """
    match where(settings.backend, may_embed=False):
        case Where.FOUND:
            backend = _found_relay(settings)
        case Where.ADDRESSED:
            backend = _addressed_relay(settings)
        case _:
            backend = _cloud(settings)
    try:
        yield backend
    finally:
        await backend.close()


@contextlib.asynccontextmanager
async def existing_world(settings: Settings, paths: Sequence[Path] = ()) -> AsyncIterator["World"]:
    """
    Lend what `plan` and `apply` work on.

    Raises:
        UsageError: a path does not exist, or it is not clear which backend is meant.
        UnavailableError: no relay is running on the state directory.

    """
    demand_paths(settings, paths)
    async with existing_backend(settings) as backend:
        world = _world(settings, source(settings, paths), reader(settings), backend)
        try:
            yield world
        finally:
            world.journal.close()


@dataclass(slots=True, kw_only=True)
class Session:
    """What `run` works on; within it the state directory is ours and the embedded relay, if chosen, serves."""

    settings: Settings
    world: "World"
    relay: "Relay | None"
    """None when the backend is not embedded."""

    def loop(self, on_pass: "Callable[[PassOutcome], None]" = lambda _: None, *, observes: bool = False) -> "Loop":
        """Return a loop that keeps the backend as the manifests say, or only looks; run it once."""
        from reconciler.engine.loop import Loop, Watcher

        watcher = Watcher(jitter=random.SystemRandom().random, on_pass=on_pass)
        return Loop(self.world, _timing(self.settings), watcher, observes=observes)


@contextlib.asynccontextmanager
async def session(settings: Settings, paths: Sequence[Path] = (), *, media: str = "engines") -> AsyncIterator[Session]:
    """
    Lend what `run` works on, and take it down again.

    Raises:
        StateHeldError: another process holds the state directory.
        UsageError: a path does not exist, or it is not clear which backend is meant.
        EnvironmentFailedError: the relay cannot start: an engine, a port or a writable folder is missing.

    """
    from reconciler.coordination.alone import AloneInDirectory

    demand_paths(settings, paths)
    place = where(settings.backend, may_embed=True)
    tree, reading = source(settings, paths), reader(settings)
    async with contextlib.AsyncExitStack() as stack:
        coordinator = AloneInDirectory(settings.state)
        coordinator.acquire()
        stack.callback(coordinator.release)
        relay: Relay | None = None
        match place:
            case Where.EMBEDDED:
                verdict = reading.read((await tree.snapshot()).files)
                relay = await stack.enter_async_context(_relay(settings, _regions_of(verdict), media=media))
                backend = _embedded(settings, relay)
            case Where.ADDRESSED:
                backend = _addressed_relay(settings)
            case _:
                backend = _cloud(settings)
        stack.push_async_callback(backend.close)
        world = _world(settings, tree, reading, backend)
        stack.callback(world.journal.close)
        yield Session(settings=settings, world=world, relay=relay)


def _file_of(path: Path, schema: str, called: str) -> Mapping[str, Any]:
    from reconciler.manifests.settings_file import read_settings
    from reconciler.ports.source import ManifestFile

    try:
        file = ManifestFile(path=str(path), content=path.read_bytes())
    except OSError as error:
        raise UsageError(f"The {called} file {path} cannot be read: {error.strerror}") from error
    reading = read_settings(file, schema)
    if reading.findings:
        raise UsageError("\n".join([f"The {called} file is wrong:", *map(str, reading.findings)]))
    return reading.values


def _refuse_unclear(backend: BackendSettings) -> None:
    if backend.account is not None:
        raise UsageError(
            "TENCENTCLOUD_SECRET_ID is set, and no backend is chosen. Say which is meant: --backend streamlink for "
            "that account (with --owner NAME), or --backend relay for the relay on this machine. The settings file "
            "(backend.kind) and RECONCILER_BACKEND_KIND say it, too"
        )
    if backend.endpoint:
        raise UsageError(
            "An endpoint is set, and no backend is chosen. Say what answers there: --backend relay or "
            "--backend streamlink"
        )


def _demand_cloud(backend: BackendSettings) -> None:
    if backend.account is None:
        raise UsageError(
            "A cloud account needs its keys in the environment: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"
        )
    if backend.owner is None:
        raise UsageError(
            "A cloud account needs an owner, so that nobody else's objects are touched: --owner NAME, backend.owner "
            "in the settings file, or RECONCILER_BACKEND_OWNER"
        )


def _world(settings: Settings, tree: "Source", reading: "Reader", backend: "Backend") -> "World":
    from reconciler.engine.guard import Guard
    from reconciler.engine.guard.facts import Keeper
    from reconciler.engine.world import World
    from reconciler.sources.clock import SystemClock

    clock, kept = SystemClock(), journal(settings)
    keeper = Keeper(
        backend=backend,
        clock=clock,
        journal=kept,
        verifier=verifier(settings),
        owner=owner(settings),
        zone_of=zone_of,
        limits=limits(settings),
    )
    return World(
        source=tree,
        reader=reading,
        vault=vault(settings),
        backend=backend,
        clock=clock,
        journal=kept,
        guard=Guard(keeper),
        owner=owner(settings),
    )


def limits(settings: Settings) -> "Limits":
    """Return the numbers that safety keeps."""
    from reconciler.domain.safety.limits import Limits

    chosen = settings.guard
    return Limits(
        delete_share=chosen.delete_share, edit_share=chosen.edit_share, twin_deadline_s=chosen.twin_deadline_s
    )


def sign(text: str, key: Path) -> str:
    """
    Return a text's signature by an SSH key.

    Raises:
        EnvironmentFailedError: OpenSSH is not there, or cannot use the key.

    """
    from reconciler.sources.signatures import sign as signed

    return signed(text, key)


def verifier(settings: Settings) -> "Verifier":
    """Return who tells whether an approver signed."""
    from reconciler.sources.signatures import SshVerifier

    return SshVerifier(settings.guard.approvers)


def _timing(settings: Settings) -> "Timing":
    from reconciler.engine.loop import Timing

    loop = settings.loop
    is_cloud = settings.backend.kind is BackendKind.STREAMLINK
    return Timing(
        debounce_s=loop.debounce_ms / 1000,
        max_wait_s=loop.max_wait_ms / 1000,
        rescan_s=loop.rescan_s,
        observe_s=loop.observe_s or (CLOUD_OBSERVE_S if is_cloud else RELAY_OBSERVE_S),
    )


def _regions_of(verdict: "Verdict") -> tuple[Region, ...]:
    """Return the regions that the manifests name, and the one of everybody's first flow."""
    from reconciler.domain.regions import LOCAL

    named = {flow.spec.region for flow in verdict.desired.flows} if verdict.desired is not None else set()
    return tuple(sorted({Region(LOCAL), *named}))


def _relay(settings: Settings, regions: tuple[Region, ...], *, media: str) -> "Relay":
    from reconciler.relay.service import Relay
    from reconciler.relay.settings import MediaKind, RelaySettings

    return Relay(RelaySettings(state=settings.state, regions=regions, media=MediaKind(media)))


def _embedded(settings: Settings, relay: "Relay") -> "Backend":
    regions = settings.backend.regions or tuple(map(Region, relay.settings.regions))
    return _backend(settings, at=_Place(endpoint=relay.endpoint), credentials=relay.credentials, regions=regions)


def _found_relay(settings: Settings) -> "Backend":
    from reconciler.relay import registration

    found = registration.read(settings.state)
    if found is None:
        raise UnavailableError(
            f"No backend is chosen, and no relay runs on {settings.state}. Start one, `reconciler run` with manifests "
            "or `reconciler relay` alone; or choose an account with --backend streamlink",
            maybe_applied=False,
        )
    regions = settings.backend.regions or tuple(map(Region, found.regions))
    # Whoever may write into the state directory is this relay's owner: what it says there needs no authority, and what
    # is sent to an address of this machine does not leave it.
    at = _Place(endpoint=found.endpoint, certificate=found.certificate, is_here=True)
    return _backend(settings, at=at, credentials=_relay_keys(settings), regions=regions)


def _addressed_relay(settings: Settings) -> "Backend":
    keys = _account_keys(settings) if settings.backend.account is not None else _relay_keys(settings)
    regions = settings.backend.regions or None
    return _backend(settings, at=_Place(endpoint=settings.backend.endpoint), credentials=keys, regions=regions)


def _relay_keys(settings: Settings) -> "Credentials":
    from reconciler.relay import credentials

    path = settings.state / credentials.FILE_NAME
    if not path.exists():
        raise UsageError(
            f"The relay's keys are neither in {path} nor in the environment (TENCENTCLOUD_SECRET_ID and "
            "TENCENTCLOUD_SECRET_KEY); --state says where the relay keeps its own"
        )
    return credentials.load_or_make(settings.state, secrets.token_bytes)


def _cloud(settings: Settings) -> "Backend":
    return _backend(
        settings,
        at=_Place(endpoint=settings.backend.endpoint),
        credentials=_account_keys(settings),
        regions=settings.backend.regions or None,
    )


def _account_keys(settings: Settings) -> "Credentials":
    from reconciler.streamlink.signing import Credentials

    account = settings.backend.account
    if account is None:
        raise UsageError("TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not set")
    token = account.token.reveal() if account.token is not None else ""
    return Credentials(secret_id=account.secret_id, secret_key=account.secret_key.reveal(), token=token)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an API answers, and how it is known for what it is."""

    endpoint: str
    certificate: str = ""
    """PEM; the one that it shows, where that is known."""
    is_here: bool = False
    """Whether it is known to be on this machine."""


def edit_rules(settings: Settings) -> "EditRules | None":
    """Return what is edited while a flow runs; None where only a refusal would tell."""
    from reconciler.domain.impact import EditRules

    chosen = settings.backend.edit_rules
    return None if chosen == AUTO else EditRules(chosen)


def _backend(
    settings: Settings, *, at: _Place, credentials: "Credentials", regions: tuple[Region, ...] | None
) -> "Backend":
    from reconciler.sources.clock import SystemClock
    from reconciler.streamlink.backend import Service, StreamLinkBackend
    from reconciler.streamlink.client import ClientSettings, StreamLinkClient
    from reconciler.streamlink.trust import Trust
    from reconciler.streamlink.wire import Profile

    is_cloud = settings.backend.kind is BackendKind.STREAMLINK
    clock = SystemClock()
    client = StreamLinkClient(
        ClientSettings(
            credentials=credentials,
            profile=Profile(settings.backend.profile or Profile.MAINLAND),
            endpoint=at.endpoint,
            insecure_http=at.is_here or settings.backend.insecure_http,
            trust=Trust(ca_file=settings.backend.ca_file, certificate=at.certificate),
            rate_per_s=settings.backend.rate_per_s or (CLOUD_RATE_PER_S if is_cloud else RELAY_RATE_PER_S),
            breaker_pause_s=CLOUD_BREAKER_PAUSE_S if is_cloud else RELAY_BREAKER_PAUSE_S,
        ),
        clock=clock,
        random_fraction=random.SystemRandom().random,
    )
    called = "" if is_cloud else "relay"
    service = Service(called=called, is_ours=not is_cloud, rules=edit_rules(settings))
    return StreamLinkBackend(client, owner=owner(settings), regions=regions, clock=clock, service=service)
