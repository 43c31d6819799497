"""A flow with two outputs, as manifests."""

CANARY = "canary-canary-canary"

FLOW = """\
apiVersion: reconciler/v1
kind: Flow
metadata: {name: news}
spec:
  region: local
  input:
    protocol: SRT
    allowlist: [127.0.0.0/8]
    srt: {latency: 120, encryption: {keyLength: 16, passphrase: {env: STREAM_IN}}}
"""
TOWER = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: tower}
spec:
  flow: news
  protocol: SRT
  srt:
    mode: caller
    destination: {host: 127.0.0.1, port: 9}
    latency: LATENCY
    encryption: {keyLength: 32, passphrase: {env: STREAM_TOWER}}
"""
PLATFORM = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: platform}
spec:
  flow: news
  protocol: RTMP_PUSH
  rtmpPush: {destinations: [{url: rtmp://127.0.0.1:9/live, streamKey: {file: platform}}]}
"""
