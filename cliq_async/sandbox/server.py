"""The sandbox: its options, its life, and what Python sees of its state."""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from cliq_async.endpoints import Limit
from cliq_async.sandbox.app import MAX_BODY, SandboxApp
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.latency import Latency
from cliq_async.sandbox.settings import Settings
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.state.state_file import StateFile

__all__ = ["Sandbox"]

# A request whose body never comes must not hold up the end.
_SHUTDOWN_S: Final = 0.1


class Sandbox:
    """A local Cliq, as an async context manager to enter once; `url` is its address inside.

    Counts every request where it arrives and locks like the real one. Each access token is a user
    of its own, but for those that its OAuth endpoint gives out; the token `invalid` is answered
    401. Its properties and methods may be used from any thread.

    Args:
        algorithm: How requests are counted: `rolling`, `fixed`, `bucket` or `counter`.
        time_scale: How much faster its time passes; 60 makes a minute pass in a second.
        bots: How many bots there are; the first one is `supportbot`.
        subscribers: How many subscribers each of them has.
        latency_s: What a request takes, in real seconds: half of it before it is counted, half
            after its work is done.
        jitter_s: The mean of what comes on top of it at random, exponentially distributed.
        faults: What goes wrong on purpose: `KIND:RATE` or `KIND:RATE@ENDPOINT`; `access_token` is
            the accounts server.
        seed: Decides everything that is random.
        penalize: Whether asking during a lock begins its time anew.
        dialect: `seed`: as the documents say; `live`: as the live service was seen to differ.
        token_life_s: How long the access tokens live that it gives out, in its own time.
        state: The file it starts from, if there is one, and leaves its state in at its end.
            `bots` and `subscribers` do not count if there is.
        host: The address to listen on.
        port: The port to listen on; 0 takes any free one.
        limits: Thresholds by endpoint name, in place of the documented ones, in its own time.
        clock: Seconds that never go back.

    Raises:
        ValueError: An option is out of its range, or the file is no sandbox's state; the message
            names the option and what is allowed, or the file.
        OSError: The file cannot be read or written; once it is entered, the address is in use.

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
        token_life_s: float = 3600,
        state: str | Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Mapping[str, Limit] | None = None,
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
            token_life_s=token_life_s,
            state=state,
            host=host,
            port=port,
            limits=limits,
        )
        path = self._settings.state
        self._file = None if path is None else StateFile(path)
        self._state = (self._file and self._file.read(seed=seed)) or State.initial(
            bots=bots, subscribers=subscribers, seed=seed
        )
        self._latency = Latency(latency_s, jitter_s, seed=seed)
        self._app = SandboxApp(self._settings, self._state, latency=self._latency, clock=clock)
        self._stack = AsyncExitStack()
        self._url = ""

    @property
    def url(self) -> str:
        """Scheme, host and port.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if not self._url:
            raise RuntimeError("the sandbox is not running: use `async with Sandbox() as sandbox`")
        return self._url

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """The last 100,000 messages that were sent, the newest last.

        Each has `message_id`, `chat_id`, `bot` (its unique name), `user` (the label), `to`
        (`users`, `channel` or `broadcast`) and `body`, as it was sent; `channel` if it went to
        one, and `thread_title` if it is in a thread that has one.
        """
        with self._app.lock:
            return tuple(message.describe() for message in self._state.messages.all())

    @property
    def calls(self) -> tuple[dict[str, Any], ...]:
        """The last 100,000 calls, the newest last, with `id`, `bot`, `user` and `body`."""
        with self._app.lock:
            return tuple({**call} for call in self._state.calls.all())

    def subscribe(self, bot_unique_name: str, *zuids: str | int) -> None:
        """Make people subscribers of a bot; a ZUID that nobody has becomes a new person.

        Args:
            bot_unique_name: The bot's unique name.
            *zuids: At most 20 digits each.

        Raises:
            ValueError: There is no such bot, or a ZUID is none.
        """
        with self._app.lock:
            self._state.subscribe(self._bot(bot_unique_name), _zuids(zuids))

    def unsubscribe(self, bot_unique_name: str, *zuids: str | int) -> None:
        """Take people's subscriptions to a bot away.

        Args:
            bot_unique_name: The bot's unique name.
            *zuids: At most 20 digits each.

        Raises:
            ValueError: There is no such bot, or a ZUID is none.
        """
        with self._app.lock:
            self._state.unsubscribe(self._bot(bot_unique_name), _zuids(zuids))

    def revoke_tokens(self, *, user: str | None = None) -> int:
        """End the access tokens that were given out, before their time.

        Args:
            user: The label of their user, as `user_label` gives it for a refresh token; all
                without it.

        Returns:
            How many were alive.
        """
        return self._app.revoke(user)

    def report(self, *, user: str | None = None, recipients: bool = False) -> dict[str, Any]:
        """What came in and what became of it.

        Args:
            user: The label of the user it is about, as `user_label` gives it; all without it.
            recipients: Whether to list who got how many messages.

        Returns:
            `requests`: how many by endpoint, refused ones included. `delivered`: how many
            `recipients` got messages, how many in `total`, and `max_per_recipient`. `called`: the
            same of calls. `lockouts`: user, endpoint, `at` and `until` in seconds since the start
            in the sandbox's time, and whether a fault injected it. `refused_while_locked`: how many
            requests came during locks. `token_requests`: how many requests for access tokens
            there were, and `tokens_issued`: how many were given out. `unauthorized`: how many
            requests were answered 401. With `recipients`, `recipients`: how many messages each
            ZUID got.
        """
        return self._app.report(user=user, recipients=recipients)

    async def __aenter__(self) -> Self:
        request_factory = partial(
            web.BaseRequest, loop=asyncio.get_running_loop(), client_max_size=MAX_BODY
        )
        server = web.Server(self._app.handle, request_factory=request_factory, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        host = self._settings.host
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop, runner)
            await runner.setup()
            site = web.TCPSite(runner, host, self._settings.port)
            await site.start()
            self._url = f"http://{f'[{host}]' if ':' in host else host}:{site.port}"
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
        self._latency.stop()
        await runner.cleanup()
        # The runner cancels its connections' tasks but does not wait for their end.
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
            raise ValueError(f"a ZUID has at most 20 digits; got {text!r}")
    return texts
