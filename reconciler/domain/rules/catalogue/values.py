"""Rules about what one document says: SL2xx."""

from typing import Final

from reconciler.domain.findings import Rule, Severity
from reconciler.domain.rules.catalogue.frames import FLOW, INPUT, PULL, PUSH, SRT_CALLER, SRT_INPUT, SRT_OUTPUT, example

UNKNOWN_REGION: Final = Rule(
    id="SL201",
    name="unknown region",
    severity=Severity.WARNING,
    explanation=(
        "The region is not in the table that ships with this version. It may be new; a slip would fail only when "
        "the flow is made."
    ),
    remedy="Check the name.",
    example=example("region: ap-singapor", "region: ap-singapore", frame=FLOW),
)
URL_SCHEME: Final = Rule(
    id="SL202",
    name="URL scheme",
    severity=Severity.ERROR,
    explanation="RTMP addresses begin with rtmp:// or rtmps://, RTSP addresses with rtsp:// or rtsps://.",
    remedy="Write one of these before the host.",
    example=example(
        """
        - url: https://live.example/app
          streamKey: {env: STREAM_PLATFORM}
        """,
        """
        - url: rtmps://live.example/app
          streamKey: {env: STREAM_PLATFORM}
        """,
        frame=PUSH,
    ),
)
ALLOWLIST: Final = Rule(
    id="SL203",
    name="allowlist entry",
    severity=Severity.ERROR,
    explanation=(
        "An allowlist is a list of CIDRs, such as 203.0.113.0/28 or 2001:db8::/32, or the same joined with semicolons."
    ),
    remedy="Write a single address with /32 or /128.",
    example=example(
        """
        protocol: RTMP
        allowlist: [203.0.113.7]
        """,
        """
        protocol: RTMP
        allowlist: [203.0.113.7/32]
        """,
        frame=INPUT,
    ),
)
HOST_BITS: Final = Rule(
    id="SL204",
    name="host bits in a CIDR",
    severity=Severity.WARNING,
    explanation="The address has bits beyond its prefix. It is sent as written, and means the whole network.",
    remedy="Write the network, or /32 or /128 for this one address.",
    example=example(
        """
        protocol: RTMP
        allowlist: [203.0.113.7/28]
        """,
        """
        protocol: RTMP
        allowlist: [203.0.113.0/28]
        """,
        frame=INPUT,
    ),
)
OPEN_ALLOWLIST: Final = Rule(
    id="SL205",
    name="no allowlist",
    severity=Severity.WARNING,
    explanation="Without an allowlist any address may connect.",
    remedy="Give one, unless the addresses of the other side are not known.",
    example=example(
        "protocol: RTMP_PULL",
        """
        protocol: RTMP_PULL
        allowlist: [203.0.113.0/28]
        """,
        frame=PULL,
    ),
)
LATENCY: Final = Rule(
    id="SL206",
    name="latency below the advice",
    severity=Severity.WARNING,
    explanation=(
        "SRT resends lost packets within the latency. 120 ms is enough within a country, 200 ms within a "
        "continent, 1000 ms between continents; with less, packets that get lost stay lost."
    ),
    remedy="Raise the number, or leave it to the country.",
    example=example(
        """
        destination: {host: tower.example, port: 9000}
        latency: {receiverCountry: DE, ms: 200}
        """,
        """
        destination: {host: tower.example, port: 9000}
        latency: {receiverCountry: DE}
        """,
        frame=SRT_CALLER,
    ),
)
SECRET_VARIABLE: Final = Rule(
    id="SL207",
    name="environment variable of a secret",
    severity=Severity.ERROR,
    explanation=(
        "Only variables that match the setting secrets.env are read, and never TENCENTCLOUD_* or RECONCILER_*, so"
        " that a manifest cannot send the account's own credentials to somebody."
    ),
    remedy="Give the variable a name that matches, or change the setting.",
    example=example(
        """
        - url: rtmps://live.example/app
          streamKey: {env: TENCENTCLOUD_SECRET_KEY}
        """,
        """
        - url: rtmps://live.example/app
          streamKey: {env: STREAM_PLATFORM}
        """,
        frame=PUSH,
    ),
)
SECRET_FILE: Final = Rule(
    id="SL208",
    name="file of a secret",
    severity=Severity.ERROR,
    explanation="The name is relative to the directory of secrets (secrets.dir) and never leaves it.",
    remedy="Write the name of a file in that directory.",
    example=example(
        """
        - url: rtmps://live.example/app
          streamKey: {file: ../platform}
        """,
        """
        - url: rtmps://live.example/app
          streamKey: {file: platform}
        """,
        frame=PUSH,
    ),
)
COUNTRY: Final = Rule(
    id="SL209",
    name="country",
    severity=Severity.ERROR,
    explanation="Countries are ISO 3166-1 alpha-2 codes that are officially assigned.",
    remedy="Write such a code: DE, GB or SG, for example.",
    example=example("latency: {senderCountry: UK}", "latency: {senderCountry: GB}", frame=SRT_INPUT),
)
OPEN_NETWORK: Final = Rule(
    id="SL210",
    name="allowlist that is open to all",
    severity=Severity.WARNING,
    explanation="A network of prefix length 0 holds every address, so the list keeps nobody out.",
    remedy="List the networks of the other side, or leave the allowlist out to say that it is open.",
    example=example(
        """
        protocol: RTMP
        allowlist: [0.0.0.0/0]
        """,
        """
        protocol: RTMP
        allowlist: [203.0.113.0/28]
        """,
        frame=INPUT,
    ),
)
REPEATED_NETWORK: Final = Rule(
    id="SL211",
    name="network within another one",
    severity=Severity.WARNING,
    explanation=(
        "Another entry of the allowlist holds these addresses already. Whoever removes this one later shuts "
        "nobody out, and may believe it."
    ),
    remedy="Remove it, or make the wider network narrower.",
    example=example(
        """
        protocol: RTMP
        allowlist: [203.0.113.0/28, 203.0.113.7/32]
        """,
        """
        protocol: RTMP
        allowlist: [203.0.113.0/28]
        """,
        frame=INPUT,
    ),
)
LONG_ALLOWLIST: Final = Rule(
    id="SL212",
    name="long allowlist",
    severity=Severity.WARNING,
    explanation=(
        "The service's own lists take 10 entries (security groups); what an allowlist takes is not documented, so"
        " a longer one may be refused as over the quota when it is applied."
    ),
    remedy="Join neighbours into wider networks.",
    example=example(
        """
        protocol: RTMP
        allowlist:
          - 203.0.113.0/32
          - 203.0.113.1/32
          - 203.0.113.2/32
          - 203.0.113.3/32
          - 203.0.113.4/32
          - 203.0.113.5/32
          - 203.0.113.6/32
          - 203.0.113.7/32
          - 203.0.113.8/32
          - 203.0.113.9/32
          - 203.0.113.10/32
        """,
        """
        protocol: RTMP
        allowlist: [203.0.113.0/28]
        """,
        frame=INPUT,
    ),
)
TOO_FEW_PLACES: Final = Rule(
    id="SL213",
    name="more receivers than places",
    severity=Severity.WARNING,
    explanation=(
        "The allowlist names single addresses, more of them than may pull at once (maxConcurrent, at most 4). Who"
        " comes last is refused."
    ),
    remedy="Raise maxConcurrent, or make another output for some of them.",
    example=example(
        """
        protocol: RTMP_PULL
        allowlist: [203.0.113.1/32, 203.0.113.2/32]
        maxConcurrent: 1
        """,
        """
        protocol: RTMP_PULL
        allowlist: [203.0.113.1/32, 203.0.113.2/32]
        maxConcurrent: 2
        """,
        frame=PULL,
    ),
)
UNENCRYPTED: Final = Rule(
    id="SL214",
    name="SRT without encryption",
    severity=Severity.WARNING,
    explanation=(
        "The stream crosses networks that others can listen to, and anybody who finds the port and an address in "
        "the allowlist can send or receive. Ends within private networks are not meant."
    ),
    remedy="Add encryption at both ends, or excuse the resource with the reason.",
    example=example(
        """
        protocol: SRT
        srt: {mode: caller, destination: {host: tower.example, port: 9000}}
        """,
        """
        protocol: SRT
        srt:
          mode: caller
          destination: {host: tower.example, port: 9000}
          encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        frame=SRT_OUTPUT,
    ),
)
IDLE_TIMEOUT: Final = Rule(
    id="SL215",
    name="idle timeout within the latency",
    severity=Severity.WARNING,
    explanation=(
        "A peer that is silent for the idle timeout is given up. With a latency as long as that, it is given up "
        "while lost packets could still be sent again."
    ),
    remedy="Make peerIdleTimeout a few times the latency; 5000 ms is the default.",
    example=example(
        """
        latency: 2000
        peerIdleTimeout: 2000
        """,
        """
        latency: 2000
        peerIdleTimeout: 6000
        """,
        frame=SRT_INPUT,
    ),
)
OUT_OF_REACH: Final = Rule(
    id="SL216",
    name="address out of reach",
    severity=Severity.WARNING,
    explanation=(
        "A cloud region cannot reach private, loopback or link-local addresses, and no region can connect to a "
        "multicast or unspecified one."
    ),
    remedy="Write a public address or a name; for a relay on this machine the region is local.",
    example=example(
        "destination: {host: 192.168.1.20, port: 9000}",
        "destination: {host: tower.example, port: 9000}",
        frame=SRT_CALLER,
    ),
)
