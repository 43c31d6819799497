"""Tests of `wiring`."""

import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.errors import EnvironmentFailedError, StateHeldError, UnavailableError, UsageError
from reconciler.domain.model import FlowKey, Region
from reconciler.domain.policies import Calendar, Policies, WindowKind
from reconciler.domain.secrets import Secret
from reconciler.ports.journal import Note
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.relay.tls import TlsFiles
from reconciler.settings import (
    Account,
    BackendKind,
    BackendSettings,
    GuardSettings,
    LoopSettings,
    SecretsSettings,
    Settings,
)
from tests.builders import LOCAL
from tests.certificates import Certificate, make_authority, make_certificate

pytestmark = pytest.mark.anyio

ACCOUNT = Account(secret_id="AKID", secret_key=Secret("canary-of-a-key"))
NOTHING = BackendSettings()
FLOW = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec: {region: eu-frankfurt, input: {protocol: RTMP, allowlist: [127.0.0.0/8]}}
"""


def settings_in(folder: Path, backend: BackendSettings = NOTHING) -> Settings:
    """Return settings whose state is in a folder of the test's own."""
    state = folder / "state"
    return Settings(
        backend=backend,
        secrets=SecretsSettings(dir=state / "secrets"),
        loop=LoopSettings(),
        guard=GuardSettings(),
        state=state,
        paths=(folder / "manifests",),
    )


def write_manifests(folder: Path, text: str = FLOW) -> None:
    """Write a tree of manifests."""
    (folder / "manifests").mkdir()
    (folder / "manifests" / "news.yaml").write_text(text)


RELAY = BackendSettings(kind=BackendKind.RELAY)
CLOUD = BackendSettings(kind=BackendKind.STREAMLINK, account=ACCOUNT, owner=wiring.RELAY_OWNER)


@pytest.mark.parametrize(
    ("backend", "embedding", "otherwise"),
    [
        pytest.param(NOTHING, wiring.Where.EMBEDDED, wiring.Where.FOUND, id="nothing chosen"),
        pytest.param(RELAY, wiring.Where.EMBEDDED, wiring.Where.FOUND, id="the relay"),
        pytest.param(
            replace(RELAY, endpoint="127.0.0.1:1"),
            wiring.Where.ADDRESSED,
            wiring.Where.ADDRESSED,
            id="a relay somewhere",
        ),
        pytest.param(replace(RELAY, account=ACCOUNT), wiring.Where.EMBEDDED, wiring.Where.FOUND, id="chosen in spite"),
        pytest.param(CLOUD, wiring.Where.CLOUD, wiring.Where.CLOUD, id="an account"),
    ],
)
def test_where_the_backend_is(backend: BackendSettings, embedding: wiring.Where, otherwise: wiring.Where) -> None:
    """Only `run` embeds a relay, and only where nobody chose another backend."""
    assert wiring.where(backend, may_embed=True) is embedding
    assert wiring.where(backend, may_embed=False) is otherwise


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        pytest.param(replace(NOTHING, account=ACCOUNT), "TENCENTCLOUD_SECRET_ID is set", id="keys and no choice"),
        pytest.param(replace(NOTHING, endpoint="h:1"), "An endpoint is set", id="an endpoint and no choice"),
        pytest.param(replace(CLOUD, account=None), "needs its keys", id="an account without keys"),
        pytest.param(replace(CLOUD, owner=None), "needs an owner", id="an account without an owner"),
    ],
)
@pytest.mark.parametrize("may_embed", [True, False])
def test_an_unclear_choice_is_refused(backend: BackendSettings, message: str, *, may_embed: bool) -> None:
    """Nobody's account is touched by a guess."""
    with pytest.raises(UsageError, match=message):
        wiring.where(backend, may_embed=may_embed)


def test_a_settings_file_is_read(tmp_path: Path) -> None:
    """The file says what neither flag nor environment says."""
    file = tmp_path / "reconciler.yaml"
    file.write_text("backend: {kind: streamlink, owner: from-file}\nloop: {debounceMs: 300}\n")

    settings = wiring.load_settings(file, {"backend.owner": "from-flag"}, environment={})

    assert settings.backend.kind is BackendKind.STREAMLINK
    assert settings.backend.owner == "from-flag"
    assert settings.loop.debounce_ms == 300


def test_the_environment_may_name_the_settings_file(tmp_path: Path) -> None:
    """`RECONCILER_CONFIG` stands for `--config`."""
    file = tmp_path / "other.yaml"
    file.write_text("loop: {rescanS: 3}\n")

    settings = wiring.load_settings(environment={"RECONCILER_CONFIG": str(file)})

    assert settings.loop.rescan_s == 3


def test_a_wrong_settings_file_is_refused_with_places(tmp_path: Path) -> None:
    """An unknown key is found at its line and column."""
    file = tmp_path / "reconciler.yaml"
    file.write_text("backend:\n  knid: relay\n")

    with pytest.raises(UsageError, match=r"reconciler\.yaml:2:3: "):
        wiring.load_settings(file, environment={})


def test_a_named_settings_file_must_be_there(tmp_path: Path) -> None:
    """A file that was asked for and is missing is no default."""
    with pytest.raises(UsageError, match="is not there"):
        wiring.load_settings(tmp_path / "gone.yaml", environment={})


@pytest.mark.parametrize(("value", "expected"), [("1", False), ("", None)])
def test_no_color(value: str, *, expected: bool | None) -> None:
    """Any value but an empty one asks for no colour."""
    assert wiring.wants_color(environment={"NO_COLOR": value}) is expected


async def test_without_a_relay_the_next_step_is_said(tmp_path: Path) -> None:
    """A verb that finds no relay says how to start one, and ends as unreachable."""
    with pytest.raises(UnavailableError, match="reconciler run") as caught:
        async with wiring.existing_backend(settings_in(tmp_path)):
            pytest.fail("there is no backend")

    assert caught.value.exit_status == 7


async def test_a_relay_of_a_session_is_found_by_other_verbs(tmp_path: Path) -> None:
    """While `run` serves, `plan` talks to its relay; afterwards there is none."""
    write_manifests(tmp_path)
    settings = settings_in(tmp_path)

    async with wiring.session(settings, media="none") as session:
        async with wiring.existing_world(settings) as world:
            regions = await world.backend.regions()
            names = (session.world.backend.name, world.backend.name)
        registered = json.loads((settings.state / "relay.json").read_text())

    assert regions == ("eu-frankfurt", "local")
    assert names[0] == names[1]
    assert registered["pid"] == os.getpid()
    assert not (settings.state / "relay.json").exists()


def test_a_journal_is_read_where_it_is_written(tmp_path: Path) -> None:
    """Before there is one it is empty; that a pass and a verb mean the same file is for wiring to say."""
    settings = settings_in(tmp_path)
    empty = wiring.reading_journal(settings)
    journal = wiring.journal(settings)

    journal.note(Note(kind="tree.accepted"))
    journal.close()
    reader = wiring.reading_journal(settings)
    found = [noted.note.kind for noted in reader.notes()]
    reader.close()

    assert (empty.is_there, reader.path) == (False, settings.state / "journal.sqlite3")
    assert (empty.calls(), empty.notes(), empty.unsettled()) == ((), (), ())
    assert found == ["tree.accepted"]


async def test_a_second_session_on_one_state_is_refused(tmp_path: Path) -> None:
    """Two reconcilers never share a state directory."""
    write_manifests(tmp_path)
    settings = settings_in(tmp_path)

    async with wiring.session(settings, media="none"):
        with pytest.raises(StateHeldError, match=str(os.getpid())):
            async with wiring.session(settings, media="none"):
                pytest.fail("two at once")
        held = wiring.is_held(settings)

    assert (held, wiring.is_held(settings)) == (True, False)


async def test_a_session_ends_even_when_its_verb_fails(tmp_path: Path) -> None:
    """Whatever ends a session, the next one can start."""
    write_manifests(tmp_path)
    settings = settings_in(tmp_path)

    with pytest.raises(LookupError):
        async with wiring.session(settings, media="none"):
            raise LookupError

    async with wiring.session(settings, media="none") as session:
        assert session.relay is not None


async def test_a_session_on_broken_manifests_starts(tmp_path: Path) -> None:
    """The loop waits for the tree to be mended, so the relay must be there already."""
    write_manifests(tmp_path, "kind: [")

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        assert await session.world.backend.regions() == ("local",)


async def test_a_relay_elsewhere_is_spoken_to_with_the_keys_of_the_environment(tmp_path: Path) -> None:
    """A session on a relay that runs on its own embeds none."""
    write_manifests(tmp_path)
    owner = settings_in(tmp_path)

    async with wiring.session(owner, media="none") as other:
        assert other.relay is not None
        keys = other.relay.credentials
        account = Account(secret_id=keys.secret_id, secret_key=Secret(keys.secret_key))
        addressed = replace(RELAY, endpoint=other.relay.endpoint, account=account, regions=(LOCAL,))
        settings = replace(settings_in(tmp_path, addressed), state=tmp_path / "second")
        async with wiring.session(settings) as session:
            assert session.relay is None
            assert await session.world.backend.observe(LOCAL) == ()


async def test_a_relay_elsewhere_without_keys_is_refused(tmp_path: Path) -> None:
    """The message names both places where its keys may be."""
    settings = settings_in(tmp_path, replace(RELAY, endpoint="127.0.0.1:9"))

    with pytest.raises(UsageError, match=r"credentials\.env"):
        async with wiring.existing_backend(settings):
            pytest.fail("no keys")


async def test_missing_manifests_are_a_usage_error(tmp_path: Path) -> None:
    """A path that does not exist is said before anything is started."""
    with pytest.raises(UsageError, match="There is nothing at"):
        async with wiring.session(settings_in(tmp_path)):
            pytest.fail("nothing to run on")


async def test_a_cloud_account_is_named_and_has_the_vendors_host(tmp_path: Path) -> None:
    """The backend says which account it is, and not its key."""
    async with wiring.existing_backend(settings_in(tmp_path, CLOUD)) as backend:
        assert "mps.tencentcloudapi.com" in backend.name
        assert "canary" not in backend.name
        assert backend.capabilities.calls_per_s == wiring.CLOUD_RATE_PER_S


async def test_a_loop_of_a_session_passes_and_stops(tmp_path: Path) -> None:
    """What a session lends is enough to run the loop and hear of its passes."""
    write_manifests(tmp_path)
    passed = asyncio.Event()

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        loop = session.loop(lambda _: passed.set())
        running = asyncio.create_task(loop.run())
        await asyncio.wait_for(passed.wait(), 30)
        loop.stop()
        await running
        found = await session.world.backend.observe(Region("eu-frankfurt"))

    assert [flow.live_name for flow in found] == ["news"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate of an authority of ours, for this machine's name and not for its address."""
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder, make_authority(folder), "DNS:localhost")


async def regions_at(settings: Settings) -> tuple[Region, ...]:
    """Return the regions of the backend that is there; each was read."""
    async with wiring.existing_backend(settings) as backend:
        regions = tuple(await backend.regions())
        for region in regions:
            await backend.observe(region)
        return regions


async def test_a_relay_that_speaks_tls_is_known_by_what_it_registered(tmp_path: Path, certificate: Certificate) -> None:
    """Found by its state directory it needs no authority, nor a name in its certificate for the address it has."""
    settings = settings_in(tmp_path)
    tls = TlsFiles(certificate=certificate.file, key=certificate.key)

    async with Relay(RelaySettings(state=settings.state, media=MediaKind.NONE, tls=tls)):
        found = await regions_at(settings)

    assert found == (Region("local"),)


async def test_a_relay_elsewhere_is_known_by_its_authority(tmp_path: Path, certificate: Certificate) -> None:
    """With `backend.caFile` it is believed by its name; without, the message says what to set."""
    authority = certificate.file.with_name("authority.pem")
    tls = TlsFiles(certificate=certificate.file, key=certificate.key)
    async with Relay(RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, tls=tls)) as relay:
        at = replace(RELAY, endpoint=f"https://localhost:{relay.address.rpartition(':')[2]}")

        found = await regions_at(settings_in(tmp_path, replace(at, ca_file=authority, regions=(Region("local"),))))
        with pytest.raises(UnavailableError, match=r"CERTIFICATE_VERIFY_FAILED.*backend\.caFile \(--ca-file\)"):
            await regions_at(settings_in(tmp_path, replace(at, regions=(Region("local"),))))

    assert found == (Region("local"),)


async def test_plain_http_to_another_machine_is_asked_for(tmp_path: Path) -> None:
    """The message names the setting; with it the client is made."""
    away = replace(CLOUD, endpoint="http://192.0.2.1:8080")

    with pytest.raises(UsageError, match=r"in the clear.*backend\.insecureHttp"):
        async with wiring.existing_backend(settings_in(tmp_path, away)):
            pytest.fail("there is no backend")
    async with wiring.existing_backend(settings_in(tmp_path, replace(away, insecure_http=True))) as backend:
        name = backend.name

    assert "http://192.0.2.1:8080" in name


def test_calendars_are_read_on_the_clocks_of_their_zones() -> None:
    """As the machine knows them."""
    frozen = Calendar(name="cup", zone="Europe/Berlin", windows=(), outside=WindowKind.FREEZE)

    timetable = wiring.timetable(Policies(calendars=(frozen,)))

    standing = timetable.ruling(FlowKey("news"), (), datetime(2026, 7, 1, 12, tzinfo=UTC)).standing
    assert standing is not None
    assert "it is 2026-07-01 14:00 there" in timetable.words(standing, datetime(2026, 7, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "Europe", "../etc/passwd", "/etc/passwd", "", "x" * 300, "a\0b"])
def test_a_zone_that_is_not_there_is_told(name: str) -> None:
    """With where zones come from, whatever stands in the place of its name."""
    with pytest.raises(EnvironmentFailedError, match="does not know the time zone"):
        wiring.zone_of(name)
