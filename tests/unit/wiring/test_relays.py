"""Tests of `wiring.relays`."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.domain.errors import UnavailableError, UsageError
from reconciler.domain.model import Region
from reconciler.domain.secrets import Secret
from reconciler.relay.engines.none import NoMedia
from reconciler.relay.media import Media
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.serving.tls import TlsFiles
from reconciler.settings.choices import Account, Settings
from tests.builders import LOCAL
from tests.certificates import Certificate, make_authority, make_certificate
from tests.unit.wiring.chosen import CLOUD, RELAY, settings_in, write_manifests

pytestmark = pytest.mark.anyio


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


async def test_without_a_relay_the_next_step_is_said(tmp_path: Path) -> None:
    """A verb that finds no relay says how to start one, and ends as unreachable."""
    with pytest.raises(UnavailableError, match="reconciler run") as caught:
        async with wiring.existing_backend(settings_in(tmp_path)):
            pytest.fail("there is no backend")

    assert caught.value.exit_status == 7


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


async def test_a_relay_at_an_endpoint_is_read_where_it_keeps_flows(tmp_path: Path) -> None:
    """Without a word about regions, those that it serves: not all that an output may be in."""
    write_manifests(tmp_path)

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        assert session.relay is not None
        addressed = settings_in(tmp_path, replace(RELAY, endpoint=session.relay.endpoint))
        assert await regions_at(addressed) == ("eu-frankfurt", "local")


@pytest.mark.parametrize(
    ("media", "told"), [(None, "carries no media"), (NoMedia(), "")], ids=["the control plane alone", "with media"]
)
async def test_a_relay_without_media_is_known(tmp_path: Path, media: Media | None, told: str) -> None:
    """By what it registered, found or addressed; of another one, or an account, nobody knows."""
    settings = settings_in(tmp_path)
    async with Relay(RelaySettings(state=settings.state, media=MediaKind.NONE), media=media) as relay:
        addressed = [replace(RELAY, endpoint=endpoint) for endpoint in (relay.endpoint, relay.address, "127.0.0.1:9")]
        said = [wiring.without_media(replace(settings, backend=each)) for each in (RELAY, *addressed, CLOUD)]

    assert all(told in each for each in said[:3])
    assert [bool(each) for each in said] == [bool(told)] * 3 + [False] * 2
    assert wiring.without_media(settings) == ""


async def test_a_relay_elsewhere_without_keys_is_refused(tmp_path: Path) -> None:
    """The message names both places where its keys may be."""
    settings = settings_in(tmp_path, replace(RELAY, endpoint="127.0.0.1:9"))

    with pytest.raises(UsageError, match=r"credentials\.env"):
        async with wiring.existing_backend(settings):
            pytest.fail("no keys")


async def test_a_relay_is_certain(tmp_path: Path) -> None:
    """It is ours, and edits everything live."""
    write_manifests(tmp_path)

    async with wiring.session(settings_in(tmp_path), media="none") as session:
        assert session.world.backend.capabilities.is_certain
