"""
Permanent false differences: defaults, normalised values, ordering, masked secrets.

argo-cd#15898, #26588, #9678, #28724, safe-settings#693: what was sent came back in another form, and was "put right"
with every pass, or hidden by a list of fields to ignore. Here a plan after an apply is empty, however a value is
spelled in the manifest and in whatever form and order the account tells it.
"""

import pytest

from reconciler.relay.faults.knobs import (
    AllowedProtocolsNull,
    Knob,
    ListOrder,
    MaskedSecrets,
    Order,
    PageSizeCap,
    Shown,
    UnknownFields,
)
from tests.accidents.house import House
from tests.accidents.manifests import flow, output

pytestmark = pytest.mark.anyio

SPELT = {
    "host bits of an allowlist": ("[127.0.0.0/8]", "[203.0.113.5/28, 10.0.0.1/8]"),
    "the console's own allowlist": ("[127.0.0.0/8]", '"203.3.3.3/28;202.3.3.3/28"'),
    "an allowlist in capitals": ("[127.0.0.0/8]", "['2001:DB8:0:0::/32', '2001:db8::1/128']"),
    "an empty allowlist": ("allowlist: [127.0.0.0/8], ", "allowlist: [], "),
    "latency by country": ("latency: 120", "latency: {senderCountry: DE, ms: 120}"),
    "the longest description": ("spec:\n  region", f"spec:\n  description: '{'ä' * 60}  two  spaces'\n  region"),
    "a description like a mark": ("spec:\n  region", "spec:\n  description: '[gitops] of [us]'\n  region"),
    "every default, spelt out": (
        "spec:\n  region",
        "spec:\n  maxBandwidth: 10M\n  liveName: alpha\n  description: ''\n  region",
    ),
}


@pytest.mark.parametrize(("before", "after"), SPELT.values(), ids=SPELT.keys())
async def test_a_flow_is_as_it_was_spelt(house: House, before: str, after: str) -> None:
    """The plan after the apply is empty, and a second apply sends nothing."""
    text = flow("alpha").replace(before, after)
    assert text != flow("alpha")
    await house.applied(alpha=text + output("tower", of="alpha"))
    writes = house.writes

    said = await house.apply()

    assert said.out.startswith("Applied: nothing to do; 2 unchanged"), said.everything
    assert house.writes == writes


OUTPUTS = """\
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: sealed}
spec:
  flow: alpha
  protocol: SRT
  srt:
    mode: caller
    destination: {host: Tower.Example, port: 9000}
    latency: {receiverCountry: DE}
    streamId: "#!::r=cam,m=publish"
    encryption: {keyLength: 32, passphrase: {env: STREAM_IN}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: pushed}
spec:
  flow: alpha
  protocol: RTMP
  rtmpPush:
    destinations:
      - {url: rtmps://two.example:443/live/, streamKey: {env: STREAM_IN}}
      - {url: rtmp://one.example/live, streamKey: {env: STREAM_IN, version: 3}}
---
apiVersion: reconciler/v1
kind: Output
metadata: {name: called}
spec:
  flow: alpha
  protocol: SRT
  allowlist: [198.51.100.0/24, 127.0.0.0/8]
  srt: {mode: listener}
"""
TOLD: dict[str, tuple[Knob, ...]] = {
    "as it is": (),
    "secrets as stars": (MaskedSecrets(even_empty=True),),
    "secrets as nothing": (MaskedSecrets(shown=Shown.EMPTY),),
    "secrets not at all": (MaskedSecrets(shown=Shown.ABSENT),),
    "in another order": (ListOrder(order=Order.REVERSED), PageSizeCap(rows=1)),
    "with what nobody knows": (UnknownFields(), AllowedProtocolsNull()),
}


async def test_however_the_account_tells_it_nothing_differs(house: House) -> None:
    """Of every kind of output, whatever is masked, added, missing or in another order."""
    await house.applied(alpha=flow("alpha") + OUTPUTS, bravo=flow("bravo"), charlie=flow("charlie"))
    writes = house.writes

    differing = []
    for name, knobs in TOLD.items():
        house.faults.turn(*knobs)
        if await house.differs():
            differing.append(name)

    assert differing == []
    assert house.writes == writes


async def test_the_order_of_properties_and_documents_is_nothing(house: House) -> None:
    """The same documents the other way round, with their properties in another order."""
    await house.applied(alpha=flow("alpha") + OUTPUTS)
    documents = OUTPUTS.split("---\n")[1:]
    house.write(alpha="---\n".join(["", *reversed(documents)]) + flow("alpha"))

    assert not await house.differs()


async def test_the_order_of_an_allowlist_is_nothing(house: House) -> None:
    """It is a set: an account that sorts it has not drifted."""
    listed = "[198.51.100.0/24, 127.0.0.0/8]"
    await house.applied(alpha=flow("alpha") + OUTPUTS)
    assert listed in OUTPUTS
    house.write(alpha=flow("alpha") + OUTPUTS.replace(listed, "[127.0.0.0/8, 198.51.100.0/24]"))

    assert not await house.differs()


async def test_a_new_secret_is_one_edit_and_then_none(house: House) -> None:
    """Where secrets are masked, the version tells of a new one: that output is edited, once, and no other."""
    await house.applied(alpha=flow("alpha") + OUTPUTS)
    house.faults.turn(MaskedSecrets(even_empty=True))
    writes = house.writes
    house.write(
        alpha=flow("alpha")
        + OUTPUTS.replace("passphrase: {env: STREAM_IN}", "passphrase: {env: STREAM_IN, version: 2}")
    )

    said = await house.apply()
    edited = house.writes - writes

    assert said.status == 0, said.everything
    assert edited == 1
    assert not await house.differs()


async def test_what_is_not_in_manifests_is_no_difference(house: House) -> None:
    """A security group that somebody chose in the console is neither drift, nor lost by an edit of something else."""
    await house.applied(alpha=flow("alpha") + output("tower", of="alpha"))
    await house.sdk.set_security_group((await house.flows())["alpha"], "tower", "sg-of-the-house")

    differs = await house.differs()
    await house.applied(alpha=flow("alpha") + output("tower", of="alpha", latency=333))

    (tower,) = (await house.flows())["alpha"].OutputGroup
    assert not differs
    assert (tower.SRTSettings.Latency, tower.SecurityGroupIds) == (333, ["sg-of-the-house"])
