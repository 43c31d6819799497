"""Rules about what one document says, for documents that fit their schema."""

from collections.abc import Iterator, Sequence

from reconciler.domain.documents import Fault, Path
from reconciler.domain.model import Region
from reconciler.domain.rules import allowlists, written
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
    yield from written.region(spec["region"], (*_SPEC, "region"))
    if takes_allowlist(input_protocol(received), received):
        yield from allowlists.check(received.get("allowlist"), (*_INPUT, "allowlist"))
    if "srt" in received:
        yield from _srt(received["srt"], (*_INPUT, "srt"), "senderCountry", env_patterns)
        distance = distance_of(received["srt"].get("latency"), "senderCountry")
        yield from written.latency(distance, Region(spec["region"]), (*_INPUT, "srt", "latency"))
    if "rtmpPull" in received:
        yield from _rtmp_address(received["rtmpPull"], (*_INPUT, "rtmpPull"), env_patterns)
    if "rtsp" in received:
        yield from _rtsp(received["rtsp"], (*_INPUT, "rtsp"), env_patterns)


def output(document: Written, env_patterns: Sequence[str]) -> Iterator[Fault]:
    """Return what is wrong with an output on its own."""
    spec = document["spec"]
    if "region" in spec:
        yield from written.region(spec["region"], (*_SPEC, "region"))
    if is_pulled_from(output_protocol(spec), spec):
        yield from allowlists.check(spec.get("allowlist"), (*_SPEC, "allowlist"))
    if "srt" in spec:
        yield from _srt(spec["srt"], (*_SPEC, "srt"), "receiverCountry", env_patterns)
    if "rtmpPush" in spec:
        for index, destination in enumerate(spec["rtmpPush"]["destinations"]):
            yield from _rtmp_address(destination, (*_SPEC, "rtmpPush", "destinations", index), env_patterns)


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
