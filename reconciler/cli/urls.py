"""URLs of inputs and outputs: as everybody may see them, and whole for whoever asked for one."""

from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from reconciler.domain.errors import UsageError
from reconciler.domain.model import Encryption, FlowSpec, FoundFlow, FoundOutput, Srt
from reconciler.domain.secrets import Secret

MASK: Final = "****"
_HARMLESS: Final = frozenset({"mode", "pbkeylen", "latency"})
"""Of a URL's query: what may be shown. Everything else may be a key."""
_PLAIN: Final = "!$'()*,:;=@/?-._~"
"""What stands in a query as it is: players differ in how well they decode, so as little as possible is encoded."""


def masked(url: str, *, is_encrypted: bool = False) -> str:
    """Return a URL without what may be a key: user name and password, the last part of its path, most of its query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{MASK}@" if "@" in parts.netloc else ""
    folder, slash, last = parts.path.rpartition("/")
    path = f"{folder}{slash}{MASK}" if last else parts.path
    query = [f"{name}={value if name in _HARMLESS else MASK}" for name, value in parse_qsl(parts.query)]
    if is_encrypted:
        query.append(f"passphrase={MASK}")
    shown = f"{parts.scheme}://{user}{host}{path}"
    return f"{shown}?{'&'.join(query)}" if query else shown


def shown_urls(found: FoundFlow | FoundOutput) -> tuple[str, ...]:
    """Return where an input is published to, or an output is pulled from, with keys masked."""
    is_encrypted = _encryption(found) is not None
    return tuple(masked(url, is_encrypted=is_encrypted and url.startswith("srt:")) for url in _urls(found))


def whole_url(found: FoundFlow | FoundOutput, resource: str) -> str:
    """
    Return the URL as a player or an encoder takes it, keys and passphrase included.

    Raises:
        UsageError: nobody connects to it, or the backend does not tell the passphrase.

    """
    urls = _urls(found)
    if not urls:
        raise UsageError(f"{resource} has no URL: nobody connects to it, it connects to others by itself")
    encryption = _encryption(found)
    if not urls[0].startswith("srt:") or encryption is None:
        return urls[0]
    if not isinstance(encryption.passphrase, Secret):
        raise UsageError(f"The backend does not tell the passphrase of {resource}; its URL cannot be made")
    parts = urlsplit(urls[0])
    said = {name: value for name, value in parse_qsl(parts.query) if name not in {"passphrase", "pbkeylen"}}
    query = {
        "mode": "caller",
        "passphrase": encryption.passphrase.reveal(),
        "pbkeylen": str(encryption.key_length),
        **said,
    }
    return f"srt://{parts.netloc}?{'&'.join(f'{name}={quote(value, safe=_PLAIN)}' for name, value in query.items())}"


def _urls(found: FoundFlow | FoundOutput) -> tuple[str, ...]:
    return found.publish_urls if isinstance(found, FoundFlow) else found.pull_urls


def _encryption(found: FoundFlow | FoundOutput) -> Encryption | None:
    spec = found.spec
    if spec is None:
        return None
    settings = spec.input.settings if isinstance(spec, FlowSpec) else spec.settings
    return settings.encryption if isinstance(settings, Srt) else None
