"""Keep a StreamLink account as its manifests say, and never cut a live stream by mistake."""

__version__ = "0.1.0"
