"""What `doctor` looks at, of the machine and of what the settings choose."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.domain.errors import UnavailableError, UsageError
from reconciler.settings import Settings
from reconciler.wiring import guards, machine, sources
from reconciler.wiring.backends import Where, existing_backend, where

if TYPE_CHECKING:
    from reconciler.ports.checks import BlockingCheck, Check, Sign
    from reconciler.streamlink.backend import StreamLinkBackend
    from reconciler.streamlink.checks import Account


@contextlib.asynccontextmanager
async def checks(settings: Settings, paths: Sequence[Path] = ()) -> AsyncIterator["tuple[Check | BlockingCheck, ...]"]:
    """Lend every check that makes sense with these settings; nobody is asked yet."""
    from reconciler.coordination.checks import state_checks
    from reconciler.engine.manifest_checks import manifest_checks
    from reconciler.journal.checks import journal_checks
    from reconciler.journal.schema import FILE_NAME
    from reconciler.media.checks import engine_checks
    from reconciler.sources.checks import git_checks, watcher_checks

    source, reader, vault = sources.source(settings, paths), sources.reader(settings), sources.vault(settings)
    async with contextlib.AsyncExitStack() as stack:
        yield (
            *await _account(settings, stack),
            *state_checks(settings.state),
            *journal_checks(settings.state / FILE_NAME),
            *manifest_checks(source, reader, vault, guards.zone_of),
            *(() if source.is_whole else watcher_checks(tuple(paths) or settings.paths, machine.clock())),
            *git_checks(machine.variables(), is_needed=source.is_whole),
            *engine_checks(is_needed=_embeds(settings)),
        )


def _embeds(settings: Settings) -> bool:
    try:
        return where(settings.backend, may_embed=True) is Where.EMBEDDED
    except UsageError:
        return False


async def _account(settings: Settings, stack: contextlib.AsyncExitStack) -> "tuple[Check, ...]":
    """Return the checks of the backend; where none can be chosen, or none runs, the one that says so."""
    from reconciler.ports.checks import failed, warn
    from reconciler.streamlink.backend import StreamLinkBackend
    from reconciler.streamlink.checks import account_checks

    try:
        backend = await stack.enter_async_context(existing_backend(settings))
    except UsageError as error:
        return (_saying(failed("backend", error)),)
    except UnavailableError:
        said = f"no relay runs on {settings.state}, and no account is chosen"
        hint = "`reconciler run` starts a relay by itself; --backend streamlink means an account."
        return (_saying(warn("backend", said, hint)),)
    # There is no other kind of backend; what has no line cannot be examined.
    return account_checks(_account_of(settings, backend)) if isinstance(backend, StreamLinkBackend) else ()


def _account_of(settings: Settings, backend: "StreamLinkBackend") -> "Account":
    from reconciler.relay.limits import Limits
    from reconciler.streamlink.checks import Account

    is_relay = where(settings.backend, may_embed=False) is not Where.CLOUD
    limits = Limits() if is_relay else None
    return Account(
        backend=backend,
        clock=machine.clock(),
        is_proxied=backend.client.heeds_proxies and machine.is_proxied(backend.client.host),
        most_flows=None if limits is None else limits.flows,
        most_outputs=None if limits is None else limits.outputs,
    )


def _saying(sign: "Sign") -> "Check":
    from reconciler.ports.checks import Check

    async def look() -> "tuple[Sign, ...]":
        return (sign,)

    return Check(about=sign.about, look=look)
