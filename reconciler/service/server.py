"""
The service, composed: health, metrics, the API and the webhooks behind one gate, inside the loop's own process.

It lives in the caller's event loop, so that an answer proves that this loop turns, installs no signal handler, and
leaves nothing behind when it is stopped.
"""

import asyncio
import contextlib
import ipaddress
import ssl
from types import TracebackType
from typing import Final, Self

import structlog
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from reconciler.domain.errors import UsageError
from reconciler.domain.model import Address
from reconciler.service import problems, registration
from reconciler.service.api import Api
from reconciler.service.archive import Archive
from reconciler.service.feed import Feed
from reconciler.service.gate import HOOKS, Gate
from reconciler.service.gauges import BoardGauges
from reconciler.service.metrics import Metrics
from reconciler.service.options import ServiceOptions, Sights
from reconciler.service.page import page
from reconciler.service.probes import Probes
from reconciler.service.secret_lines import SecretLines
from reconciler.service.webhooks import Waker, Webhooks
from reconciler.serving.server import Bounds, Serving, bind
from reconciler.serving.tls import TlsFiles, identity_from

log: Final = structlog.get_logger()

CONNECTIONS: Final = 128
"""At once: some scrapers, some people, and the streams."""


class Service:
    """HTTP beside one loop. Started once, stopped once."""

    def __init__(self, options: ServiceOptions, sights: Sights, metrics: Metrics) -> None:
        self._options = options
        self._sights = sights
        self._metrics = metrics
        self._cleanup = contextlib.AsyncExitStack()
        self._port = options.port

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()

    @property
    def url(self) -> str:
        """Where it answers, `http://127.0.0.1:8080`."""
        scheme = "http" if self._options.certificate_file is None else "https"
        return f"{scheme}://{Address(self._options.host, self._port)}"

    async def start(self) -> None:
        """
        Answer from now on.

        Raises:
            UsageError: a network could listen and no token is asked for, or a file does not hold what it should.
            EnvironmentFailedError: the port is taken, or a file cannot be read.

        """
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise

    async def stop(self) -> None:
        """Finish what is being answered, for some seconds at most, and close."""
        await self._cleanup.aclose()

    async def _start(self) -> None:
        options = self._options
        app, tls = self.application(), _tls(options)
        listener = bind(options.host, options.port)
        self._cleanup.callback(listener.close)
        self._port = listener.getsockname()[1]
        bounds = Bounds(connections=CONNECTIONS, on_turned_away=_tell_of_turned_away)
        serving = Serving(app, listener, bounds=bounds, tls=tls)
        await serving.start()
        self._cleanup.push_async_callback(serving.stop)
        self._follow()
        if options.state is not None:
            registration.write(options.state, self.url)
            self._cleanup.callback(registration.remove, options.state)
        log.info("service.started", url=self.url, tokens=options.token_file is not None)

    def application(self) -> ASGIApp:
        """
        Return what is served, behind its gate; `stop` lets go of it.

        Raises:
            UsageError: a network could listen and no token is asked for, or a file does not hold what it should.
            EnvironmentFailedError: a file cannot be read.

        """
        on_loopback = ipaddress.ip_address(self._options.host).is_loopback
        tokens = self._tokens(on_loopback=on_loopback)
        return Gate(self._app(), on_loopback=on_loopback, tokens=tokens)

    def _tokens(self, *, on_loopback: bool) -> SecretLines | None:
        file = self._options.token_file
        if file is not None:
            return SecretLines(file, "service.tokenFile")
        if on_loopback:
            return None
        raise UsageError(
            f"service.listen: {self._options.host} can be reached from a network, and nothing asks who is there. Set "
            "service.tokenFile to a file that holds a token (`openssl rand -hex 32 > FILE`), or listen on 127.0.0.1."
        )

    def _app(self) -> Starlette:
        sights = self._sights
        archive = Archive(sights.open_history, sights.clock)
        self._cleanup.callback(archive.close)
        self._feed = Feed(sights.board, sights.clock)
        probes = Probes(sights=sights, metrics=self._metrics)
        gauges = BoardGauges(sights.board, bitrate_series=self._options.bitrate_series, is_ready=probes.is_ready)
        self._metrics.watch(gauges)
        api = Api(board=sights.board, archive=archive, feed=self._feed)
        routes = [Route("/", page(sights.board), methods=["GET"]), *probes.routes(), *api.routes(), *self._hooks()]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        problems.add_to(app)
        return app

    def _hooks(self) -> list[Route]:
        file, sights = self._options.webhook_secret_file, self._sights
        if file is None:
            return []
        secrets = SecretLines(file, "service.webhookSecretFile")
        waker = Waker(sights.on_push, sights.clock)
        self._cleanup.callback(waker.close)
        hooks = Webhooks(secrets, waker, branch=sights.branch, clock=sights.clock, metrics=self._metrics)
        return [Route(HOOKS + "{forge}", hooks.answer, methods=["POST"])]

    def _follow(self) -> None:
        following = asyncio.create_task(self._feed.run(), name="service follows the board")
        self._cleanup.push_async_callback(_ended, following)
        # Streams have no end of their own, and the server waits for what is being answered.
        self._cleanup.callback(self._feed.close)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _tls(options: ServiceOptions) -> ssl.SSLContext | None:
    if options.certificate_file is None and options.key_file is None:
        return None
    if options.certificate_file is None or options.key_file is None:
        raise UsageError("service.certFile and service.keyFile go together: a certificate and its key.")
    files = TlsFiles(
        certificate=options.certificate_file,
        key=options.key_file,
        certificate_option="service.certFile",
        key_option="service.keyFile",
    )
    return identity_from(files).context


def _tell_of_turned_away(count: int, still_open: int) -> None:
    log.warning("service.connections_turned_away", count=count, open=still_open)
