"""The client: opens, closes, and wires the parts together."""

import copy
import os
from collections.abc import Awaitable, Callable, Mapping
from types import EllipsisType, TracebackType
from typing import Any, Literal, Self

import aiohttp
import attrs

from cliq_async.auth import Auth, authority, checked
from cliq_async.bulk.batch import Batch
from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.opening import broadcast_record
from cliq_async.bulk.report import BroadcastProgress, BroadcastReport
from cliq_async.bulk.source import Recipients
from cliq_async.caller import Caller, Options
from cliq_async.config import Settings, from_env
from cliq_async.endpoints import Limit
from cliq_async.errors import ValidationError
from cliq_async.hooks import Hooks
from cliq_async.models.message import Message
from cliq_async.models.recipients import identifier
from cliq_async.pacing import pacers
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane
from cliq_async.quota.opening import open_store, release, retain
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.store import Clock, QuotaStore
from cliq_async.resources.bots import Bots
from cliq_async.resources.calls import Calls
from cliq_async.resources.handlers import Handlers
from cliq_async.resources.messages import Messages
from cliq_async.resources.subscribers import Subscribers
from cliq_async.transport import AiohttpTransport, Transport
from cliq_async.watch import Watch
from cliq_async.wire import ApiCall

__all__ = ["CliqClient"]

LaneName = Literal["interactive", "bulk"]


@attrs.define
class _Open:
    """What is there while a client is open: shared with all that `with_options` made of it."""

    transport: Transport | None = None
    caller: Caller | None = None


class CliqClient:
    """A client of one Zoho Cliq account. Use it as an async context manager.

    Example:
        ```python
        async with CliqClient("1000.41d9…") as client:
            await client.messages.send("supportbot", "Hello!", user_ids=["55743307"])
        ```

    Args:
        auth: An access token, an `AccessToken`, a `RefreshToken`, or an async callable that
            returns an access token.
        data_center: Where the account lives: us, eu, in, au, cn, jp, sa, uk or ca.
        base_url: Another server, as scheme and host.
        network: The name or id of an external network.
        account: Names the Cliq user. Credentials of different users need different names here,
            since Cliq counts by user; all that share a name share a quota.
        quota: The quota store or its URL: `sqlite:///path`, shared by all processes of the
            machine; `redis://host:port/db`, shared by hosts; or `memory://`, shared by all clients
            of this process. With `?cold_start=spent`, a new one counts as spent. By default a
            SQLite file at the platform's place for state.
        limits: Other limits than the documented ones, by the endpoint's name.
        margin_s: How much later than needed a token comes back, in the server's seconds.
        straggler_s: How late a request that was given up may arrive, in the server's seconds.
        max_wait_s: A call's budget for waiting, in real seconds; None for no end.
        timeout_s: For one request, in real seconds; None for no end.
        pace: "even" spreads requests over the window instead of sending them at once.
        max_rate: Requests a second, over all endpoints.
        time_scale: 60 if the server is a sandbox whose minute takes a second.
        connector: Your own aiohttp connector; closed with the client.
        proxy: The URL of an HTTP proxy.
        hooks: Functions that are told of waits, locks, requests and calls.
        transport: Another transport than aiohttp; closed with the client.
        clock: Where the time comes from, for tests.

    Raises:
        ValidationError: A setting is out of its range.
    """

    def __init__(
        self,
        auth: Auth,
        *,
        data_center: str = "us",
        base_url: str | None = None,
        network: str | None = None,
        account: str = "default",
        quota: QuotaStore | str | None = None,
        limits: Mapping[str, Limit] | None = None,
        margin_s: float = 1.0,
        straggler_s: float = 30.0,
        max_wait_s: float | None = 75.0,
        timeout_s: float | None = 30.0,
        pace: Literal["even"] | None = None,
        max_rate: float | None = None,
        time_scale: float = 1.0,
        connector: aiohttp.BaseConnector | None = None,
        proxy: str | None = None,
        hooks: Hooks | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._auth = checked(auth)
        self._settings = Settings(
            data_center=data_center,
            base_url=base_url,
            network=network,
            account=account,
            limits=limits or {},
            margin_s=margin_s,
            straggler_s=straggler_s,
            max_wait_s=max_wait_s,
            timeout_s=timeout_s,
            pace=pace,
            max_rate=max_rate,
            time_scale=time_scale,
        )
        self._store = open_store(quota, clock)
        self._quotas = self._settings.quotas()
        self._connect: Callable[[], Transport] = lambda: (
            transport or AiohttpTransport(connector=connector, proxy=proxy)
        )
        self._hooks = hooks
        self._open = _Open()
        self._opened = False
        self._options = Options(max_wait_s=max_wait_s, timeout_s=timeout_s)
        self._wire()

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """A client with credentials and settings from the environment.

        CLIQ_ACCESS_TOKEN, or CLIQ_CLIENT_ID, CLIQ_CLIENT_SECRET and CLIQ_REFRESH_TOKEN;
        CLIQ_DATA_CENTER, CLIQ_BASE_URL, CLIQ_ACCOUNTS_URL, CLIQ_QUOTA, CLIQ_ACCOUNT and
        CLIQ_TIME_SCALE.

        Args:
            **options: As for the class; they win over the environment.

        Raises:
            ValidationError: There are no credentials, or a setting is out of its range.
        """
        auth, found = from_env()
        return cls(auth, **(found | options))

    async def __aenter__(self) -> Self:
        if self._open.caller is None:
            self._opened = True
            retain(self._store)
            self._open.transport = transport = self._connect()
            self._open.caller = Caller(
                base_url=self._settings.root_url,
                quotas=self._quotas,
                limiter=Limiter.of(self._store),
                transport=transport,
                authority=authority(
                    self._auth,
                    transport,
                    accounts_url=self._settings.accounts_url,
                    clock=self._store.clock,
                    time_scale=self._settings.time_scale,
                ),
                pacers=pacers(self._settings, self._quotas),
                hooks=self._hooks,
            )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return self._open.caller is not None

    async def close(self) -> None:
        """Let go of all connections. What is under way is given up.

        Closing what `with_options` gave leaves the client that it came from open.
        """
        if not self._opened:
            return
        self._opened = False
        transport, self._open.transport, self._open.caller = self._open.transport, None, None
        if transport is not None:
            try:
                await transport.close()
            finally:
                await release(self._store)

    def with_options(
        self,
        *,
        lane: LaneName | None = None,
        max_wait_s: float | EllipsisType | None = ...,
        timeout_s: float | EllipsisType | None = ...,
    ) -> Self:
        """The same open client with other options, for a call or a task.

        Example:
            ```python
            await client.with_options(max_wait_s=2).messages.send(bot, text, user_ids=[user])
            ```

        Args:
            lane: "interactive" goes before "bulk" when both wait for the quota.
            max_wait_s: Budget for waiting, in real seconds; None for no end.
            timeout_s: For one request, in real seconds; None for no end.

        Raises:
            ValidationError: An option is out of its range.
        """
        changes: dict[str, Any] = {}
        if max_wait_s is not ...:
            changes["max_wait_s"] = max_wait_s
        if timeout_s is not ...:
            changes["timeout_s"] = timeout_s
        attrs.evolve(self._settings, **changes)  # checks them
        if lane is not None:
            changes["lane"] = _lane(lane)
        return self._with(attrs.evolve(self._options, **changes))

    async def broadcast(
        self,
        bot_unique_name: str,
        message: Message | str,
        to: Recipients,
        *,
        batch_size: int = 100,
        max_in_flight: int | None = None,
        dedupe: bool = False,
        headroom: int = 0,
        max_wait_s: float | None = None,
        on_progress: Callable[[BroadcastProgress], object] | None = None,
        journal: str | os.PathLike[str] | None = None,
        resend_unknown: bool = False,
    ) -> BroadcastReport:
        """Send one message to many, as fast as the quota allows.

        Example:
            ```python
            everybody = (user.user_id async for user in client.subscribers.iter("supportbot"))
            report = await client.broadcast("supportbot", "Maintenance at 6", everybody)
            ```

        Args:
            bot_unique_name: The bot's unique name.
            message: The message, or just its text.
            to: The recipients' ids, as an iterable or an async one. Read as the job goes on.
            batch_size: Recipients in a request, 1 to 100.
            max_in_flight: Requests under way at the same time; by default as many as the quota
                allows at once.
            dedupe: Send once to ids that come twice. Keeps all ids in memory.
            headroom: How many tokens of the quota to leave to other callers.
            max_wait_s: Budget for waiting of one request, in real seconds. When it does not
                suffice, the job stops.
            on_progress: Called after each request.
            journal: A file that outlives the job: started again with it, the job goes on where it
                was, and those who were delivered to are not sent to again.
            resend_unknown: With a journal: send again to those who may or may not have been
                reached.

        Returns:
            What became of every recipient, those of earlier runs included. Errors of single
            requests are in it; they are not raised. `stopped` says whether the job ended early.

        Raises:
            ValidationError: The message or an option breaks a limit; nothing was sent.
            JournalError: The journal cannot be used, or is that of another job: of another bot,
                message or list of recipients; nothing was sent.
            Exception: What `to` raised before its first id; nothing was sent.
        """
        job = self.broadcast_job(
            bot_unique_name,
            message,
            batch_size=batch_size,
            max_in_flight=max_in_flight,
            dedupe=dedupe,
            headroom=headroom,
            max_wait_s=max_wait_s,
            on_progress=on_progress,
            journal=journal,
            resend_unknown=resend_unknown,
        )
        self._ready()  # or every batch would fail for the same reason
        return await job.run(to)

    def broadcast_job(
        self,
        bot_unique_name: str,
        message: Message | str,
        *,
        batch_size: int = 100,
        max_in_flight: int | None = None,
        dedupe: bool = False,
        headroom: int = 0,
        max_wait_s: float | None = None,
        on_progress: Callable[[BroadcastProgress], object] | None = None,
        journal: str | os.PathLike[str] | None = None,
        resend_unknown: bool = False,
    ) -> Broadcast:
        """A broadcast that can be stopped: `run(to)`, `stop(why)` and `abort(why)`.

        Takes what `broadcast` takes.
        """
        quota = self._quotas["send_message"]
        identifier("bot_unique_name", bot_unique_name)
        if type(headroom) is not int or headroom < 0:
            raise ValidationError("headroom", "an int, at least 0", headroom)
        attrs.evolve(self._settings, max_wait_s=max_wait_s)  # checks it
        if isinstance(message, str):
            message = Message(message)
        options = attrs.evolve(
            self._options, lane=Lane.BULK, max_wait_s=max_wait_s, reserve=headroom
        )

        def send(batch: Batch, watch: Watch) -> Any:
            watched = self._with(attrs.evolve(options, watch=watch))
            return watched.messages.send(bot_unique_name, message, user_ids=batch.ids)

        return Broadcast(
            send,
            batch_size=batch_size,
            max_in_flight=(
                max(1, quota.threshold - headroom) if max_in_flight is None else max_in_flight
            ),
            dedupe=dedupe,
            on_progress=on_progress,
            record=broadcast_record(
                journal,
                quota=quota,
                bot=bot_unique_name,
                message=message,
                batch_size=batch_size,
                dedupe=dedupe,
                resend_unknown=resend_unknown,
            ),
        )

    async def quota_status(self) -> dict[str, QuotaStatus]:
        """The quota of every endpoint, by the endpoint's name."""
        limiter = Limiter.of(self._store)
        quotas = list(self._quotas.values())
        snapshots = await self._store.snapshots(quotas)
        return {
            quota.endpoint: QuotaStatus.of(snapshot, limiter.waiting(quota.key), self._store.clock)
            for quota, snapshot in zip(quotas, snapshots, strict=True)
        }

    async def shortest_s(self, endpoint: str, requests: int, *, headroom: int = 0) -> float:
        """How long the quota makes a number of requests take, at the least, in real seconds.

        Args:
            endpoint: The endpoint's name.
            requests: How many are still to be sent.
            headroom: How many tokens of the quota are left to other callers.

        Raises:
            ValidationError: There is no such endpoint.
        """
        if endpoint not in self._quotas:
            raise ValidationError("endpoint", "a name of an endpoint", endpoint)
        if requests < 1:
            return 0.0
        (snapshot,) = await self._store.snapshots([self._quotas[endpoint]])
        return max(0.0, snapshot.earliest(requests - 1, headroom) - snapshot.now)

    def _with(self, options: Options) -> Self:
        other = copy.copy(self)
        other._options = options
        other._opened = False  # it closes with the client it came from
        other._wire()
        return other

    def _wire(self) -> None:
        self.bots = Bots(self._send)
        self.calls = Calls(self._send)
        self.handlers = Handlers(self._send)
        self.messages = Messages(self._send)
        self.subscribers = Subscribers(self._send)

    def _send(self, call: ApiCall) -> Awaitable[object]:
        return self._ready().call(call, self._options)

    def _ready(self) -> Caller:
        if self._open.caller is None:
            raise RuntimeError("the client is not open: use `async with CliqClient(...) as client`")
        return self._open.caller


def _lane(name: str) -> Lane:
    try:
        return Lane[name.upper()]
    except KeyError:
        raise ValidationError("lane", "interactive or bulk", name) from None
