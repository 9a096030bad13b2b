"""The bot: it receives events, checks them, and answers by its handlers."""

import asyncio
import copy
import logging
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from cliq_async.client import CliqClient
from cliq_async.errors import ValidationError
from cliq_async.hooks import notify
from cliq_async.transport.base import Transport
from cliq_async.webhooks import asgi
from cliq_async.webhooks.deadline import SAFETY_S, Dispatcher, IsGone
from cliq_async.webhooks.decoding import Envelope, decode_event
from cliq_async.webhooks.events import Event
from cliq_async.webhooks.hooks import AnswerLostDetails, EventFailedDetails, WebhookHooks
from cliq_async.webhooks.http import (
    BODY_TOO_LARGE,
    BUSY,
    EMPTY,
    EVENT_INVALID,
    JSON_INVALID,
    SIGNATURE_INVALID,
    TIMESTAMP_INVALID,
    HttpAnswer,
)
from cliq_async.webhooks.late import LateAnswers
from cliq_async.webhooks.registry import Registration, Registry
from cliq_async.webhooks.repetition import RareLog, SeenBodies
from cliq_async.webhooks.signature import Verifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import web

__all__ = ["WebhookBot"]

_log = logging.getLogger("cliq_async")

_MAX_BODY: Final = 2**20
_DEFAULT_AGE_S: Final = 300.0


class WebhookBot(Registry):
    """A webhook bot. Use it as an async context manager, or by the lifespan of an ASGI server.

    Example:
        ```python
        bot = WebhookBot(os.environ["CLIQ_PUBLIC_KEY"])

        @bot.message
        async def answer(event: MessageEvent) -> str:
            return f"Hi {event.user.first_name}"
        ```

    Run it by `uvicorn module:bot`, or mount it in another app.

    Args:
        public_key: The key that Cliq shows for the bot, or several. None takes every event: its
            URL then has to be a secret.
        client: The client for `event.reply`. It is opened with the bot if it is not open.
        cliq_waits_s: How long Cliq waits for an answer.
        max_age_s: How far an event's timestamp may be off, either way; None for any time.
        max_body: The longest body of an event, in bytes.
        max_in_flight: How many events there may be at a time, late answers included.
        drain_s: How long to wait at the end for handlers and late answers, in real seconds.
        time_scale: The speed of Cliq's time: 60 for a sandbox whose minute takes a second. By
            default that of the client.
        hooks: Callbacks for events that went wrong.
        response_hosts: Other hosts than Cliq's and the client's that may get late answers.
        transport: A transport to use for late answers instead of aiohttp; it is not closed.

    Raises:
        ValidationError: A key is not valid, or a setting is out of range.
    """

    def __init__(
        self,
        public_key: str | Sequence[str] | None,
        *,
        client: CliqClient | None = None,
        cliq_waits_s: float = 15.0,
        max_age_s: float | None = 300.0,
        max_body: int = _MAX_BODY,
        max_in_flight: int = 1_000,
        drain_s: float = 30.0,
        time_scale: float | None = None,
        hooks: WebhookHooks | None = None,
        response_hosts: Iterable[str] = (),
        transport: Transport | None = None,
    ) -> None:
        super().__init__()
        scale = time_scale or (client._settings.time_scale if client is not None else 1.0)
        _check_number("cliq_waits_s", cliq_waits_s, SAFETY_S, above=True)
        _check_number("max_age_s", 1.0 if max_age_s is None else max_age_s, 0.0, above=True)
        _check_number("max_body", max_body, 1)
        _check_number("max_in_flight", max_in_flight, 1)
        _check_number("drain_s", drain_s, 0.0)
        _check_number("time_scale", 1.0 if time_scale is None else time_scale, 0.0, above=True)
        self.max_body = max_body
        self._verifier = None if public_key is None else Verifier(public_key)
        self._client = client
        self._owns_client = False
        self._opened = False
        self._max_age_s = max_age_s
        self._drain_s = drain_s
        self._hooks = hooks or WebhookHooks()
        self._late = LateAnswers(client=client, hosts=response_hosts, transport=transport)
        self._seen = SeenBodies(2 * (max_age_s or _DEFAULT_AGE_S))
        self._rare = RareLog()
        self._failures: list[BaseException] | None = None
        self._dispatcher = Dispatcher(
            waits_s=cliq_waits_s,
            time_scale=scale,
            max_in_flight=max_in_flight,
            lost=self._report_lost,
        )

    def __repr__(self) -> str:
        """Return the registered handlers; nothing secret."""
        names = ", ".join(registration.name for registration in self._registered.values())
        return f"<{type(self).__name__} {names or 'without handlers'}>"

    # --- an event ---------------------------------------------------------------------------

    async def receive(
        self, body: bytes, signature: str | None, *, is_gone: IsGone | None = None
    ) -> HttpAnswer:
        """Receive an event: check it, run its handler, and return the HTTP response.

        For web frameworks without ASGI. It raises no exception, whatever the body.

        Args:
            body: The raw body of the request, as it came.
            signature: The header `X-Cliq-Signature`, or None.
            is_gone: An async function that returns True if the client has hung up; an answer to
                it goes to the event's response_url.
        """
        now = asyncio.get_running_loop().time()
        envelope = self._check(body, signature, now)
        if isinstance(envelope, HttpAnswer):
            return envelope
        digest = self._seen.digest(body)
        if self._seen.has(digest, now):
            _log.info("an event that came before was not handled again: %s", envelope.handler)
            return EMPTY
        registration = self._registered.get((envelope.handler, envelope.name))
        if registration is None:
            self._warn_unhandled(envelope)
            return EMPTY
        if self._dispatcher.is_busy:  # before the body is noted, or it could not come again
            self._rare.warn("busy", now, "an event was refused: too many at a time, or shutdown")
            return BUSY
        self._seen.add(digest, now)
        if not registration.expected <= envelope.params.keys():
            self._warn_missing(envelope, registration)
        event = decode_event(envelope, body, self._client)
        url = envelope.response_url
        del envelope  # many events at once would keep it while their handlers run
        output = await self._dispatcher.run(
            event,
            self._run(registration, event),
            partial(self._late.send, url) if url else None,
            is_gone,
        )
        return EMPTY if output is None else HttpAnswer(200, output)

    def _check(self, body: bytes, signature: str | None, now: float) -> Envelope | HttpAnswer:
        """Read an event whose signature and timestamp are good, or return the refusal."""
        if len(body) > self.max_body:
            return BODY_TOO_LARGE
        if self._verifier is None:
            self._warn_without_key()
        elif not self._verifier.verify(body, signature):
            self._rare.warn("signature", now, "an event without a valid signature was refused")
            return SIGNATURE_INVALID
        try:
            payload = msgspec.json.decode(body)
        except (ValueError, RecursionError):
            return JSON_INVALID
        envelope = Envelope.of(payload) if isinstance(payload, dict) else None
        if envelope is None:
            return EVENT_INVALID
        if not self._is_timely(envelope, now):
            return TIMESTAMP_INVALID
        return envelope if envelope.handler else EVENT_INVALID

    async def _run(self, registration: Registration, event: Event) -> bytes | None:
        """Run a handler and encode its answer; a failure is reported, and answers nothing."""
        failure: BaseException
        try:
            return registration.encode(await registration.function(event))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # by the end of the bot
                raise
            failure = error
        except Exception as error:  # noqa: BLE001 - the handler is the user's
            failure = error
        _log.error(
            "%s failed on an event for %s, to which nothing is answered",
            registration.name,
            event.type,
            exc_info=failure,
        )
        if self._failures is not None:
            self._failures.append(failure)
        if self._hooks.on_event_failed is not None:
            notify(self._hooks.on_event_failed, EventFailedDetails(event=event, error=failure))
        return None

    def _report_lost(self, event: Event, reason: str, output: bytes | None) -> None:
        _log.error("the answer to an event for %s was lost: %s", event.type, reason)
        if self._hooks.on_answer_lost is not None:
            plain = None if output is None else msgspec.json.decode(output)["output"]
            notify(
                self._hooks.on_answer_lost,
                AnswerLostDetails(event=event, reason=reason, output=plain),
            )

    def _is_timely(self, envelope: Envelope, now: float) -> bool:
        if self._max_age_s is None:
            return True
        if envelope.timestamp is None:
            self._rare.warn("timestamp", now, "an event without a timestamp was refused")
            return False
        age_s = time.time() - envelope.timestamp.timestamp()
        if abs(age_s) <= self._max_age_s:
            return True
        self._rare.warn(
            "timestamp",
            now,
            "an event was refused, as its timestamp is %.0f s off: check the clock of this machine",
            age_s,
        )
        return False

    def _warn_without_key(self) -> None:
        self._rare.once(
            "key", "a webhook bot without a public key takes events from everyone who knows its URL"
        )

    def _warn_unhandled(self, envelope: Envelope) -> None:
        self._rare.once(
            ("unhandled", envelope.handler, envelope.name),
            "there is no handler for %s %r: such events get no answer",
            envelope.handler,
            envelope.name,
        )

    def _warn_missing(self, envelope: Envelope, registration: Registration) -> None:
        for name in registration.expected - envelope.params.keys():
            self._rare.once(
                ("missing", envelope.handler, name),
                "events for %s come without %s: give the handler of the bot the permission %s",
                envelope.handler,
                name,
                name,
            )

    # --- the bot's life ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._opened:
            raise RuntimeError("the bot is open already: by `async with`, or a server's lifespan")
        if self._verifier is None:
            self._warn_without_key()
        if self._client is not None and not self._client.is_open:
            await self._client.__aenter__()
            self._owns_client = True
        self._opened = True
        self._dispatcher.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Refuse new events, wait for handlers and late answers, and cancel the rest."""
        try:
            cancelled = await self._dispatcher.drain(self._drain_s)
            if cancelled:
                _log.warning(
                    "%d events or tasks were cancelled, as they took longer than drain_s=%g",
                    cancelled,
                    self._drain_s,
                )
        finally:
            self._opened = False
            if self._owns_client and self._client is not None:
                self._owns_client = False
                await self._client.close()

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run a coroutine that may take longer than an answer, such as a broadcast.

        The bot holds the task, logs its exception, and waits for it at the end.

        Example:
            ```python
            @bot.menu("Tell all")
            async def tell(event: MenuEvent) -> str:
                bot.create_task(client.broadcast("supportbot", "Fire drill", ids, journal="drill"))
                return "On its way"
            ```
        """
        return self._dispatcher.start(coroutine)

    def _with(self, verifier: Verifier, late: LateAnswers) -> Self:
        """Return the same bot for events of another source, which collects failures."""
        other = copy.copy(self)
        other._verifier, other._late, other._failures = verifier, late, []
        return other

    def _fit_to_sandbox(
        self, url: str, public_key: str, *, waits_s: float, time_scale: float
    ) -> None:
        """Take the events of a sandbox, whatever the bot was made for."""
        self._verifier = Verifier(public_key)
        self._late.allow(url)
        self._dispatcher.set_times(waits_s, time_scale)

    # --- adapters ---------------------------------------------------------------------------

    async def __call__(
        self,
        scope: Any,  # a mapping: servers and frameworks each have types of their own
        receive: "Callable[[], Awaitable[Any]]",
        send: "Callable[[Any], Awaitable[None]]",
    ) -> None:
        """Serve ASGI: requests at any path, and the lifespan."""
        await asgi.serve(self, scope, receive, send)

    async def aiohttp(self, request: "web.Request") -> "web.Response":
        """Handle a request of aiohttp: `web.route("*", "/cliq", bot.aiohttp)`."""
        from cliq_async.webhooks import aiohttp  # noqa: PLC0415 - aiohttp's server for its users

        return await aiohttp.respond(self, request)

    async def running(self, _app: "Mapping[Any, Any]") -> "AsyncIterator[None]":
        """Open the bot while an app of aiohttp runs: `app.cleanup_ctx.append(bot.running)`."""
        async with self:
            yield


def _check_number(field: str, value: object, low: float, *, above: bool = False) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (value > low if above else value >= low):  # type: ignore[operator]
        raise ValidationError(field, f"{'more than' if above else 'at least'} {low:g}", value)
