"""Rules about where outputs send to, and whom they meet there: SL3xx."""

from typing import Final

from reconciler.domain.findings import Rule, Severity
from reconciler.domain.rules.catalogue.frames import OUTPUTS, WHOLE, example

SAME_PUSH: Final = Rule(
    id="SL306",
    name="same key pushed twice",
    severity=Severity.ERROR,
    explanation=(
        "Two outputs push one stream key to one URL. Most servers accept one publisher, and the two would cut "
        "each other off again and again."
    ),
    remedy="Remove one, or give it a key of its own.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: platform}
        spec:
          flow: city_news
          protocol: RTMP_PUSH
          rtmpPush:
            destinations: [{url: "rtmps://live.example/app", streamKey: {env: STREAM_PLATFORM}}]
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: platform_2}
        spec:
          flow: city_news
          protocol: RTMP_PUSH
          rtmpPush:
            destinations: [{url: "rtmps://live.example/app", streamKey: {env: STREAM_PLATFORM}}]
        """,
        """
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: platform}
        spec:
          flow: city_news
          protocol: RTMP_PUSH
          rtmpPush:
            destinations: [{url: "rtmps://live.example/app", streamKey: {env: STREAM_PLATFORM}}]
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: platform_2}
        spec:
          flow: city_news
          protocol: RTMP_PUSH
          rtmpPush:
            destinations: [{url: "rtmps://live.example/app", streamKey: {env: STREAM_PLATFORM_2}}]
        """,
        frame=OUTPUTS,
    ),
    is_judgement=True,
)

LINK_TARGET: Final = Rule(
    id="SL307",
    name="called flow does not listen",
    severity=Severity.ERROR,
    explanation="An output can call another flow only when that flow's input is an SRT listener.",
    remedy="Call another flow, or make that input a listener.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: archive}
        spec:
          region: ap-singapore
          state: idle
          input: {protocol: RTMP, allowlist: [203.0.113.0/28]}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_archive}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {flow: archive}
            latency: 120
            encryption: {keyLength: 16, passphrase: {file: archive}}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: archive}
        spec:
          region: ap-singapore
          state: idle
          input:
            protocol: SRT
            allowlist: [203.0.113.0/28]
            srt: {encryption: {keyLength: 16, passphrase: {file: archive}}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_archive}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {flow: archive}
            latency: 120
            encryption: {keyLength: 16, passphrase: {file: archive}}
        """,
        frame=OUTPUTS,
    ),
)

LINK_MISMATCH: Final = Rule(
    id="SL308",
    name="called flow differs",
    severity=Severity.ERROR,
    explanation=(
        "An output that calls another flow has the same key length, the same reference to the passphrase and the "
        "same latency as that flow's input."
    ),
    remedy="Make both ends say the same.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: archive}
        spec:
          region: ap-singapore
          state: idle
          input:
            protocol: SRT
            allowlist: [203.0.113.0/28]
            srt: {encryption: {keyLength: 16, passphrase: {file: archive}}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_archive}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {flow: archive}
            latency: 200
            encryption: {keyLength: 16, passphrase: {file: archive}}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: archive}
        spec:
          region: ap-singapore
          state: idle
          input:
            protocol: SRT
            allowlist: [203.0.113.0/28]
            srt: {encryption: {keyLength: 16, passphrase: {file: archive}}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_archive}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {flow: archive}
            latency: 120
            encryption: {keyLength: 16, passphrase: {file: archive}}
        """,
        frame=OUTPUTS,
    ),
)

LOOP: Final = Rule(
    id="SL309",
    name="loop",
    severity=Severity.ERROR,
    explanation="Flows call each other in a circle, so the same stream would go round for ever.",
    remedy="Remove one of the links.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: a}
        spec:
          region: local
          input:
            protocol: SRT
            allowlist: [10.0.0.0/24]
        ---
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: b}
        spec:
          region: local
          input:
            protocol: SRT
            allowlist: [10.0.0.0/24]
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_b}
        spec:
          flow: a
          protocol: SRT
          srt: {mode: caller, destination: {flow: b}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_a}
        spec:
          flow: b
          protocol: SRT
          srt: {mode: caller, destination: {flow: a}}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: a}
        spec:
          region: local
          input:
            protocol: SRT
            allowlist: [10.0.0.0/24]
        ---
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: b}
        spec:
          region: local
          input:
            protocol: SRT
            allowlist: [10.0.0.0/24]
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: to_b}
        spec:
          flow: a
          protocol: SRT
          srt: {mode: caller, destination: {flow: b}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: onwards}
        spec:
          flow: b
          protocol: SRT
          srt: {mode: caller, destination: {host: 10.0.0.7, port: 9000}}
        """,
        frame=WHOLE,
    ),
)

OWN_INPUT: Final = Rule(
    id="SL311",
    name="output into its own input",
    severity=Severity.ERROR,
    explanation="The output sends to where its own flow takes its input from, so the stream would feed itself.",
    remedy="Send it somewhere else.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio}
        spec:
          region: ap-singapore
          input:
            protocol: RTMP_PULL
            rtmpPull: {url: "rtmps://live.example/app", streamKey: {env: STREAM_STUDIO}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: platform}
        spec:
          flow: studio
          protocol: RTMP_PUSH
          rtmpPush:
            destinations: [{url: "rtmps://live.example/app", streamKey: {env: STREAM_STUDIO}}]
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: studio}
        spec:
          region: ap-singapore
          input:
            protocol: RTMP_PULL
            rtmpPull: {url: "rtmps://live.example/app", streamKey: {env: STREAM_STUDIO}}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: platform}
        spec:
          flow: studio
          protocol: RTMP_PUSH
          rtmpPush:
            destinations: [{url: "rtmps://other.example/app", streamKey: {env: STREAM_STUDIO}}]
        """,
        frame=WHOLE,
    ),
)

SAME_DESTINATION: Final = Rule(
    id="SL312",
    name="same destination twice",
    severity=Severity.WARNING,
    explanation=(
        "Two streams are sent to one address and port. Over RTP their packets mix and neither can be shown; an "
        "SRT listener usually takes one caller, unless the stream ids differ."
    ),
    remedy="Give each a port, or a stream id, of its own.",
    example=example(
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
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_south}
        spec:
          flow: city_news
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
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_south}
        spec:
          flow: city_news
          protocol: SRT
          srt:
            mode: caller
            destination: {host: tower.example, port: 9001}
            encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        frame=OUTPUTS,
    ),
)

SHUT_OUT: Final = Rule(
    id="SL313",
    name="called flow shuts the caller out",
    severity=Severity.WARNING,
    explanation=(
        "The output calls a flow whose allowlist does not hold the addresses that its region sends from, as far "
        "as the setting backend.egress tells them."
    ),
    remedy="Add those addresses to the allowlist of the called flow.",
    example="backend: {egress: {eu-frankfurt: [198.51.100.7/32]}} in the settings, and an allowlist [203.0.113.0/28]",
)
