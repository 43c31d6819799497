"""Rules about what one document says, for documents that fit their schema."""

from collections.abc import Iterator, Sequence

from reconciler.domain.documents import Fault, Path
from reconciler.domain.model import Region
from reconciler.domain.protocols import DEFAULT_MAX_CONCURRENT, Protocol
from reconciler.domain.rules import allowlists, excuses, written
from reconciler.domain.rules.urls import host_of
from reconciler.manifests.decode import (
    Written,
    distance_of,
    input_protocol,
    is_pulled_from,
    output_protocol,
    takes_allowlist,
)

_SPEC: Path = ("spec",)
_INPUT: Path = ("spec", "input")


def flow(document: Written, env_patterns: Sequence[str]) -> Iterator[Fault]:
    """Return what is wrong with a flow on its own."""
    spec = document["spec"]
    received: Written = spec["input"]
    here = Region(spec["region"])
    yield from excuses.faults(document["metadata"].get("annotations", {}))
    yield from written.region(here, (*_SPEC, "region"))
    if takes_allowlist(input_protocol(received), received):
        yield from allowlists.check(received.get("allowlist"), (*_INPUT, "allowlist"))
    if input_protocol(received) is Protocol.SRT:
        yield from _srt_input(received, here, env_patterns)
    if "rtmpPull" in received:
        yield from _rtmp_address(received["rtmpPull"], (*_INPUT, "rtmpPull"), env_patterns)
        yield from _reach(received["rtmpPull"]["url"], here, (*_INPUT, "rtmpPull", "url"))
    if "rtsp" in received:
        yield from _rtsp(received["rtsp"], (*_INPUT, "rtsp"), env_patterns)
        yield from _reach(received["rtsp"]["url"], here, (*_INPUT, "rtsp", "url"))


def output(document: Written, env_patterns: Sequence[str]) -> Iterator[Fault]:
    """Return what is wrong with an output on its own."""
    spec = document["spec"]
    yield from excuses.faults(document["metadata"].get("annotations", {}))
    if "region" in spec:
        yield from written.region(spec["region"], (*_SPEC, "region"))
    if is_pulled_from(output_protocol(spec), spec):
        allowlist: Path = (*_SPEC, "allowlist")
        yield from allowlists.check(spec.get("allowlist"), allowlist)
        places = int(spec.get("maxConcurrent", DEFAULT_MAX_CONCURRENT))
        yield from allowlists.check_places(spec.get("allowlist"), places, allowlist)
    if "srt" in spec:
        yield from _srt(spec["srt"], (*_SPEC, "srt"), "receiverCountry", env_patterns)
        if "encryption" not in spec["srt"]:
            yield from written.unencrypted(spec["srt"], spec.get("allowlist"), "destination", (*_SPEC, "srt"))
    if "rtmpPush" in spec:
        for index, destination in enumerate(spec["rtmpPush"]["destinations"]):
            yield from _rtmp_address(destination, (*_SPEC, "rtmpPush", "destinations", index), env_patterns)


def _srt_input(received: Written, here: Region, env_patterns: Sequence[str]) -> Iterator[Fault]:
    path: Path = (*_INPUT, "srt")
    srt: Written = received.get("srt", {})
    yield from _srt(srt, path, "senderCountry", env_patterns)
    yield from written.latency(distance_of(srt.get("latency"), "senderCountry"), here, (*path, "latency"))
    if "encryption" not in srt:
        yield from written.unencrypted(srt, received.get("allowlist"), "source", path)
    if "source" in srt:
        yield from written.reach(srt["source"]["host"], here, (*path, "source", "host"))


def _reach(url: str, here: Region, path: Path) -> Iterator[Fault]:
    yield from written.reach(host_of(url), here, path, of="the host of the URL")


def _srt(srt: Written, path: Path, country: str, env_patterns: Sequence[str]) -> Iterator[Fault]:
    distance = distance_of(srt.get("latency"), country)
    if distance is not None:
        yield from written.country(distance.country, (*path, "latency", country))
    if "encryption" in srt:
        passphrase: Path = (*path, "encryption", "passphrase")
        yield from written.secret(srt["encryption"]["passphrase"], passphrase, env_patterns=env_patterns)


def _rtmp_address(address: Written, path: Path, env_patterns: Sequence[str]) -> Iterator[Fault]:
    yield from written.url(address["url"], (*path, "url"))
    yield from written.secret(address["streamKey"], (*path, "streamKey"), env_patterns=env_patterns)


def _rtsp(rtsp: Written, path: Path, env_patterns: Sequence[str]) -> Iterator[Fault]:
    yield from written.url(rtsp["url"], (*path, "url"))
    if "credentials" in rtsp:
        password: Path = (*path, "credentials", "password")
        yield from written.secret(rtsp["credentials"]["password"], password, env_patterns=env_patterns)
