"""The `Sandbox`: its options, its HTTP server, and access to its state from Python."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web
from aiohttp.http import HttpProcessingError

from cliq_async.endpoints import Limit
from cliq_async.sandbox.app import MAX_BODY, SandboxApp
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.user_methods import UserMethods
from cliq_async.sandbox.latency import Latency
from cliq_async.sandbox.settings import Settings
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.state.state_file import StateFile

__all__ = ["Sandbox"]

# A request whose body never arrives must not delay the shutdown.
_SHUTDOWN_S: Final = 0.1

_LOGGER: Final = logging.getLogger(__name__)


def _is_own_fault(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


# aiohttp logs a traceback for each request that is not HTTP; the client gets a 400.
_LOGGER.addFilter(_is_own_fault)


class Sandbox(UserMethods):
    """A local Cliq server, as an async context manager that can be entered once.

    It counts every request and locks endpoints like Cliq. Each access token stands for a separate
    user, except those its OAuth endpoint issues; the token `invalid` gets a 401. Properties and
    methods are safe to use from any thread.

    Args:
        algorithm: The way to count requests: `rolling`, `fixed`, `bucket` or `counter`.
        time_scale: The speed of the sandbox's time; with 60, a minute passes in a second.
        bots: The number of bots; the first one is `supportbot`.
        subscribers: The number of subscribers of each bot.
        latency_s: The round-trip time in real seconds: half of it before a request is counted,
            half after it is handled.
        jitter_s: The mean of the exponentially distributed time added to it.
        faults: The faults to inject: `KIND:RATE` or `KIND:RATE@ENDPOINT`; the endpoint
            `access_token` is the accounts server. Faults of events name a type of handler.
        seed: The seed of everything random.
        penalize: Restart a lock on every request during it.
        dialect: `seed` follows the documentation, `live` the observed quirks of the live service.
        allow_unknown: Accept messages and calls with keys that the documents do not name.
        token_life_s: The lifetime of issued access tokens, in seconds of the sandbox's time.
        scopes: The OAuth scopes of all access tokens, as a collection or a text with commas or
            spaces between; without it, all of them. An endpoint needs one of its scopes.
        state: A file to load the state from, if it exists, and to save the state to on exit. The
            file takes precedence over `bots` and `subscribers`.
        host: The address to listen on.
        hosts: The names and addresses, without a port, by which clients may address the sandbox,
            besides `host`, `localhost` and the other names of the loopback interface. A request
            for another host gets a 421, and one from a web page of another site a 403.
        port: The port to listen on; 0 takes any free one.
        limits: Thresholds by endpoint name that replace the documented ones, in the sandbox's
            time.
        event_wait_s: How long it waits for a webhook bot's answer, in seconds of its time.
        allow_remote: Send events to bots on other machines, too.
        clock: A monotonic clock in seconds.

    Raises:
        ValueError: An option is out of range, or the file is not a sandbox's state; the message
            names the option and its range, or the file.
        OSError: The file cannot be read or written; on entering, the address is in use.

    Example:
        >>> import asyncio
        >>> async def main() -> str:
        ...     async with Sandbox(time_scale=60) as sandbox:
        ...         return sandbox.url
        >>> asyncio.run(main())[:17]
        'http://127.0.0.1:'
    """

    def __init__(
        self,
        *,
        algorithm: str = "rolling",
        time_scale: float = 1.0,
        bots: int = 1,
        subscribers: int = 100,
        latency_s: float = 0.0,
        jitter_s: float = 0.0,
        faults: Iterable[str] = (),
        seed: int = 0,
        penalize: bool = False,
        dialect: str = "seed",
        allow_unknown: bool = False,
        token_life_s: float = 3600,
        scopes: str | Iterable[str] | None = None,
        state: str | Path | None = None,
        host: str = "127.0.0.1",
        hosts: Iterable[str] = (),
        port: int = 0,
        limits: Mapping[str, Limit] | None = None,
        event_wait_s: float = 15.0,
        allow_remote: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = Settings(
            algorithm=algorithm,
            time_scale=time_scale,
            bots=bots,
            subscribers=subscribers,
            latency_s=latency_s,
            jitter_s=jitter_s,
            faults=faults,
            seed=seed,
            penalize=penalize,
            dialect=dialect,
            allow_unknown=allow_unknown,
            token_life_s=token_life_s,
            scopes=scopes,
            state=state,
            host=host,
            hosts=hosts,
            port=port,
            limits=limits,
            event_wait_s=event_wait_s,
            allow_remote=allow_remote,
        )
        path = self._settings.state
        self._file = None if path is None else StateFile(path)
        self._state = (self._file and self._file.read(seed=seed)) or State.initial(
            bots=bots, subscribers=subscribers, seed=seed
        )
        self._latency = Latency(latency_s, jitter_s, seed=seed)
        self._app = SandboxApp(self._settings, self._state, latency=self._latency, clock=clock)
        self._events = self._app.events
        self._loop = None
        self._stack = AsyncExitStack()
        self._url = ""

    @property
    def url(self) -> str:
        """The base URL: scheme, host and port.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if not self._url:
            raise RuntimeError("the sandbox is not running: use `async with Sandbox() as sandbox`")
        return self._url

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """The last 100,000 messages, the newest last.

        Each has `message_id`, `chat_id`, `bot` (its unique name), `user` (the label), `to`
        (`users`, `channel` or `broadcast`) and `body`, as sent; a message to a channel has
        `channel`, and a message in a titled thread has `thread_title`.
        """
        with self._app.lock:
            return tuple(message.describe() for message in self._state.messages.all())

    @property
    def calls(self) -> tuple[dict[str, Any], ...]:
        """The last 100,000 calls, the newest last, with `id`, `bot`, `user` and `body`."""
        with self._app.lock:
            return tuple({**call} for call in self._state.calls.all())

    def subscribe(self, bot_unique_name: str, *zuids: str | int) -> None:
        """Subscribe people to a bot; an unknown ZUID becomes a new person.

        Args:
            bot_unique_name: The bot's unique name.
            *zuids: Their ZUIDs, of at most 20 digits each.

        Raises:
            ValueError: The bot does not exist, or a ZUID is not valid.
        """
        with self._app.lock:
            self._state.subscribe(self._bot(bot_unique_name), _zuids(zuids))

    def unsubscribe(self, bot_unique_name: str, *zuids: str | int) -> None:
        """Unsubscribe people from a bot.

        Args:
            bot_unique_name: The bot's unique name.
            *zuids: Their ZUIDs, of at most 20 digits each.

        Raises:
            ValueError: The bot does not exist, or a ZUID is not valid.
        """
        with self._app.lock:
            self._state.unsubscribe(self._bot(bot_unique_name), _zuids(zuids))

    def host_bot(self, form: Mapping[str, Any], handlers: Iterable[Mapping[str, Any]]) -> str:
        """Make the bot of a name a webhook bot, with exactly these handlers; create it if need be.

        Args:
            form: The bot as in a request to create it, with `execution_url`.
            handlers: Its handlers as in requests to create them. They are not checked.

        Returns:
            The bot's unique name.

        Raises:
            ValueError: There are too many bots.
        """
        with self._app.lock:
            try:
                return self._state.host_bot(dict(form), [dict(each) for each in handlers]).name
            except ApiFault as fault:
                raise ValueError(str(fault)) from None

    def revoke_tokens(self, *, user: str | None = None) -> int:
        """Revoke the access tokens that the sandbox issued.

        Args:
            user: The label of a user, as `user_label` returns it for a refresh token; without it,
                the tokens of all users.

        Returns:
            The number of tokens that were active.
        """
        return self._app.revoke(user)

    def report(self, *, user: str | None = None, recipients: bool = False) -> dict[str, Any]:
        """Return a report of requests, deliveries, locks and tokens.

        Args:
            user: The label of a user, as `user_label` returns it; without it, all users.
            recipients: Add the number of messages for each recipient.

        Returns:
            `requests`: their number by endpoint, including refused ones. `delivered`: the number
            of `recipients`, the `total` of messages, and `max_per_recipient`. `called`: the same
            for calls. `lockouts`: user, endpoint, `at` and `until` in seconds since the start in
            the sandbox's time, and whether a fault `injected` it. `refused_while_locked`: the
            number of requests during locks. `token_requests`: the number of requests for access
            tokens. `tokens_issued`: the number of tokens issued. `unauthorized`: the number of
            401 responses. With `recipients`, `recipients`: the number of messages by ZUID.
        """
        return self._app.report(user=user, recipients=recipients)

    async def __aenter__(self) -> Self:
        request_factory = partial(
            web.BaseRequest, loop=asyncio.get_running_loop(), client_max_size=MAX_BODY
        )
        server = web.Server(
            self._app.handle, request_factory=request_factory, access_log=None, logger=_LOGGER
        )
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        host = self._settings.host
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop, runner)
            await runner.setup()
            site = web.TCPSite(runner, host, self._settings.port)
            await site.start()
            self._url = f"http://{f'[{host}]' if ':' in host else host}:{site.port}"
            self._loop = asyncio.get_running_loop()
            self._events.start(self._url)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._stack.aclose()
        finally:
            if self._file is not None:
                with self._app.lock:
                    self._file.write(self._state)

    async def _stop(self, runner: web.ServerRunner) -> None:
        self._url = ""
        self._loop = None
        self._latency.stop()
        await self._events.stop()
        await runner.cleanup()
        # The runner cancels the tasks of its connections but does not await them.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _bot(self, unique_name: str) -> Bot:
        try:
            return self._state.bots.by_name(unique_name)
        except ApiFault:
            raise ValueError(f"no bot has the unique name {unique_name!r}") from None


def _zuids(zuids: tuple[str | int, ...]) -> list[str]:
    texts = list(map(str, zuids))
    for text in texts:
        if not re.fullmatch(r"[0-9]{1,20}", text):
            raise ValueError(f"a ZUID has at most 20 digits, got {text!r}")
    return texts
