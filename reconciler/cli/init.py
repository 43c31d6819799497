"""`reconciler init`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from reconciler.domain.errors import EnvironmentFailedError, UsageError

_MANIFEST: Final = """\
# yaml-language-server: $schema=../schemas/v1/manifest.json
#
# A flow is one live input and its outputs. This one waits for a studio that sends SRT.
apiVersion: reconciler/v1
kind: Flow
metadata:
  name: studio              # its identity: A-Z a-z 0-9 _, unique over all files
spec:
  region: local             # the relay on this machine; for an account a region such as ap-singapore
  maxBandwidth: 10M         # 10M, 20M or 50M
  state: running            # or idle
  description: The studio's programme feed
  input:
    protocol: SRT           # or RTMP, RTMP_PULL, RTP, RTSP
    allowlist: [127.0.0.0/8]  # who may send; without it anybody may
    srt:
      mode: listener        # the studio calls us
      latency: 200          # milliseconds, 0 to 3000
      # Secrets are never written here, only where they are found: an environment variable that begins with STREAM_,
      # or a file below .reconciler/secrets.
      # encryption: {keyLength: 16, passphrase: {env: STREAM_STUDIO}}
---
# An output is one place that a flow is sent to. Receivers call this one.
apiVersion: reconciler/v1
kind: Output
metadata: {name: monitor}
spec:
  flow: studio
  protocol: SRT
  allowlist: [127.0.0.0/8]
  srt: {mode: listener, latency: 200}
---
# This one calls a partner.
apiVersion: reconciler/v1
kind: Output
metadata: {name: partner}
spec:
  flow: studio
  protocol: SRT
  srt:
    mode: caller
    destination: {host: 127.0.0.1, port: 9710}
    latency: 200            # or the receiver's country, such as {receiverCountry: DE}
# ---
# # This one pushes to a platform.
# apiVersion: reconciler/v1
# kind: Output
# metadata: {name: platform}
# spec:
#   flow: studio
#   protocol: RTMP_PUSH
#   rtmpPush:
#     destinations:
#       - url: rtmp://live.example/app
#         streamKey: {env: STREAM_PLATFORM}
"""

_SETTINGS: Final = """\
# Settings. A flag wins over an environment variable (RECONCILER_…), that over this file. It holds no secrets.

# backend:
#   kind: streamlink         # an account; without this, the relay of this machine
#   profile: mainland        # or international
#   owner: studio-team       # whose objects this reconciler keeps; required for an account
#   regions: [ap-singapore]  # default: all that the account has

source:
  paths: [manifests]

secrets:
  dir: .reconciler/secrets   # one file a secret, readable by you alone
  env: [STREAM_*]            # environment variables that manifests may name

loop:
  debounceMs: 100            # quiet that must follow a change of a file
  rescanS: 10                # between two looks at the manifests without one
"""

_IGNORED: Final = ".reconciler/"
"""The state directory: the relay's catalogue, its keys and the secrets."""

_FILES: Final = {"manifests/studio.yaml": _MANIFEST, "reconciler.yaml": _SETTINGS}


@click.command(name="init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
def command(directory: Path) -> None:
    """
    Write a first working tree into DIRECTORY, by default the working directory.

    That is a flow with two outputs in manifests/, the settings in reconciler.yaml, and a line in .gitignore. Nothing
    that is there is overwritten.
    """
    there = [str(directory / name) for name in _FILES if (directory / name).exists()]
    if there:
        raise UsageError(f"Nothing was written, for there is {' and '.join(there)} already. Choose another directory.")
    try:
        for path in _written(directory):
            click.echo(f"Wrote {path}", err=True)
    except OSError as error:
        raise EnvironmentFailedError(f"{directory} cannot be written: {error.strerror}.") from error
    _say_what_is_next(directory)


def _written(directory: Path) -> Iterator[Path]:
    for name, text in _FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        yield path
    ignore = directory / ".gitignore"
    before = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    if _IGNORED not in before.splitlines():
        gap = "" if not before or before.endswith("\n") else "\n"
        with ignore.open("a", encoding="utf-8") as file:
            file.write(f"{gap}{_IGNORED}\n")
        yield ignore


def _say_what_is_next(directory: Path) -> None:
    if directory != Path():
        click.echo(f"  cd {directory}")
    click.echo(
        "  reconciler validate manifests/          say what is wrong, at file, line and column\n"
        "  reconciler run manifests/               keep the relay of this machine as they say\n"
        "  reconciler schema --write schemas/v1    let editors complete and check manifests"
    )
