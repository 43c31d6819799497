"""Rules between a flow, its outputs, and their namesakes: SL3xx."""

from typing import Final

from reconciler.domain.findings import Rule, Severity
from reconciler.domain.rules.catalogue.frames import OUTPUTS, SRT_OUTPUT, WHOLE, example

UNKNOWN_FLOW: Final = Rule(
    id="SL301",
    name="unknown flow",
    severity=Severity.ERROR,
    explanation=(
        "An output names the flow that it belongs to or calls, a calendar those that it is about, and each must be "
        "among the documents that are read."
    ),
    remedy="Correct the name, or give every path of the tree to one command.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_north}
        spec:
          flow: city_new
          protocol: SRT
          srt:
            mode: caller
            destination: {host: tower.example, port: 9000}
            encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        """
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_north}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {host: tower.example, port: 9000}
            encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        frame=OUTPUTS,
    ),
)

OTHER_CASE: Final = Rule(
    id="SL302",
    name="name in another case",
    severity=Severity.ERROR,
    explanation="A reference is exact. The flow exists under a name in another case.",
    remedy="Write the name as the flow does.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_north}
        spec:
          flow: City_News
          protocol: SRT
          srt:
            mode: caller
            destination: {host: tower.example, port: 9000}
            encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        """
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_north}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {host: tower.example, port: 9000}
            encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        frame=OUTPUTS,
    ),
)

DUPLICATE_NAME: Final = Rule(
    id="SL303",
    name="duplicate name",
    severity=Severity.ERROR,
    explanation=(
        "Flow names are unique over the whole tree, output names within their flow, both compared without case."
    ),
    remedy="Rename or remove the later one.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio}
        spec:
          region: ap-singapore
          state: idle
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        ---
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: Studio}
        spec:
          region: ap-singapore
          state: idle
          liveName: Studio 2
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio}
        spec:
          region: ap-singapore
          state: idle
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        ---
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio_2}
        spec:
          region: ap-singapore
          state: idle
          liveName: Studio 2
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        """,
        frame=WHOLE,
    ),
)

DUPLICATE_LIVE_NAME: Final = Rule(
    id="SL304",
    name="duplicate live name",
    severity=Severity.ERROR,
    explanation=(
        "Two resources would be one object on the backend: flows of a region, or outputs of a flow, with the same"
        " live name."
    ),
    remedy="Change one liveName.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio}
        spec:
          region: ap-singapore
          state: idle
          liveName: Programme
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        ---
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: archive}
        spec:
          region: ap-singapore
          state: idle
          liveName: Programme
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio}
        spec:
          region: ap-singapore
          state: idle
          liveName: Programme
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        ---
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: archive}
        spec:
          region: ap-singapore
          state: idle
          liveName: Archive
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        """,
        frame=WHOLE,
    ),
)

MATRIX: Final = Rule(
    id="SL305",
    name="protocol that the input cannot feed",
    severity=Severity.ERROR,
    explanation=(
        "The input's protocol decides which outputs a flow may have: RTMP and RTMP_PULL feed RTMP_PUSH and "
        "RTMP_PULL, SRT feeds SRT and RTMP_PUSH, RTP feeds RTP, RTSP feeds RTSP."
    ),
    remedy="Choose a protocol that the input can feed, or another input.",
    example=example(
        """
        protocol: RTP
        rtp: {destinations: [{host: tower.example, port: 5004}]}
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

NO_OUTPUTS: Final = Rule(
    id="SL310",
    name="running flow without outputs",
    severity=Severity.WARNING,
    explanation="The flow is to be running but sends its input nowhere. It waits for its first output.",
    remedy="Add an output, or set state: idle.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: city_news}
        spec:
          region: ap-singapore
          state: running
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: city_news}
        spec:
          region: ap-singapore
          state: idle
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        """,
        frame=WHOLE,
    ),
)
