"""Who is told: the sinks of the settings, each with its desk, and the notifier that has them."""

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

from reconciler.domain.errors import UsageError
from reconciler.settings import Settings
from reconciler.settings.sinks import EmailSink, ForgeSink, SinkSettings, SlackSink, WebhookSink
from reconciler.wiring import machine
from reconciler.wiring.streamlink import owner

if TYPE_CHECKING:
    from reconciler.notifying.notifier import Notifications
    from reconciler.notifying.posting import Post, Sink
    from reconciler.ports.clock import Clock


def notifications(settings: Settings) -> "Notifications | None":
    """Return what tells whom the settings name, to be entered before it tells; None where they name nobody."""
    if not settings.notify.sinks:
        return None
    from reconciler.notifying.notifier import Notifications
    from reconciler.notifying.outbox import FILE_NAME, Outbox
    from reconciler.notifying.posting import Means

    clock = machine.clock()
    outbox = Outbox(settings.state / FILE_NAME)
    means = Means(outbox=outbox, clock=clock, jitter=random.SystemRandom().random)
    return Notifications([_post(each, settings, means) for each in settings.notify.sinks], outbox)


def sinks(settings: Settings, name: str = "") -> "tuple[Sink[Any], ...]":
    """
    Return the sinks of the settings, or the one of a name.

    Raises:
        UsageError: there is none.

    """
    named = settings.notify.sinks
    if not named:
        raise UsageError(
            "Nobody is told of anything: the settings name no sinks. docs/notifications.md says how `notify.sinks` "
            "names them."
        )
    chosen = [each for each in named if name in {"", each.name}]
    if not chosen:
        from reconciler.domain.rules.nearest import did_you_mean

        there_are = [each.name for each in named]
        hint = did_you_mean(name, there_are) or f"there are: {', '.join(there_are)}"
        raise UsageError(f"There is no sink {name!r}; {hint}")
    clock = machine.clock()
    return tuple(_sink(each, str(owner(settings)), clock) for each in chosen)


def _post(chosen: SinkSettings, settings: Settings, means: Any) -> "Post[Any]":
    from reconciler.notifying.ledger import Ledger
    from reconciler.notifying.posting import Post
    from reconciler.notifying.reports import Reports

    account = str(owner(settings))
    sink = _sink(chosen, account, means.clock)
    if isinstance(chosen, ForgeSink):
        return Post(sink, Reports(), means)
    damp = timedelta(seconds=settings.notify.damp_s)
    return Post(sink, Ledger(chosen.name, account=account, wanted=chosen.on, damp=damp), means)


def _sink(chosen: SinkSettings, account: str, clock: "Clock") -> "Sink[Any]":
    from reconciler.notifying.http import Wire

    wire = Wire(ca_file=chosen.ca_file)
    match chosen:
        case WebhookSink():
            from reconciler.notifying.webhook import Webhook

            return Webhook(
                name=chosen.name,
                account=account,
                url_file=chosen.url_file,
                key_file=chosen.key_file,
                wire=wire,
                clock=clock,
            )
        case SlackSink():
            from reconciler.notifying.slack import Slack

            return Slack(name=chosen.name, account=account, url_file=chosen.url_file, wire=wire, clock=clock)
        case EmailSink():
            return _mail(chosen, account, clock)
        case ForgeSink():
            return _forge(chosen, account, clock)
        case _:
            assert_never(chosen)


def _mail(chosen: EmailSink, account: str, clock: "Clock") -> "Sink[Any]":
    from reconciler.notifying.mail import Mail
    from reconciler.notifying.smtp import Security, Server

    server = Server(
        host=chosen.host,
        port=chosen.port,
        security=Security(chosen.security),
        user=chosen.user,
        password_file=chosen.password_file,
        ca_file=chosen.ca_file,
    )
    return Mail(
        name=chosen.name,
        account=account,
        server=server,
        sender=chosen.sender,
        recipients=chosen.recipients,
        clock=clock,
    )


def _forge(chosen: ForgeSink, account: str, clock: "Clock") -> "Sink[Any]":
    from reconciler.notifying.forge import Api
    from reconciler.notifying.github import GitHub
    from reconciler.notifying.gitlab import GitLab
    from reconciler.notifying.http import Wire

    api = Api(url=chosen.api_url, token_file=chosen.token_file, wire=Wire(ca_file=chosen.ca_file), clock=clock)
    if chosen.kind == "github":
        return GitHub(name=chosen.name, account=account, repository=chosen.repository, api=api)
    return GitLab(name=chosen.name, account=account, project=chosen.repository, api=api)
