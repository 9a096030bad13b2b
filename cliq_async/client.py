"""The client: its settings, and all that it offers while it is open."""

import copy
from collections.abc import Awaitable, Collection, Mapping
from functools import partial
from types import EllipsisType, TracebackType
from typing import Any, Literal, Self, Unpack

import aiohttp
import attrs

from cliq_async.auth.provider import Auth, ClientCredentials, RefreshToken, validate_auth
from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.jobs import Items, JobOptions, PersonalCall, PersonalMessage, make_job
from cliq_async.bulk.payloads import CALLS, MESSAGES, Payload
from cliq_async.bulk.report import BulkReport
from cliq_async.clock import Clock
from cliq_async.config import Settings, from_env
from cliq_async.data_centers import check_secure
from cliq_async.endpoints import Limit
from cliq_async.errors import ValidationError
from cliq_async.hooks import Hooks
from cliq_async.models.call import Call
from cliq_async.models.message import Message
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.registry import open_store
from cliq_async.resources.bots import Bots
from cliq_async.resources.calls import Calls
from cliq_async.resources.handlers import Handlers
from cliq_async.resources.messages import Messages
from cliq_async.resources.subscribers import Subscribers
from cliq_async.session import Session
from cliq_async.transport.aiohttp import AiohttpTransport
from cliq_async.transport.base import Transport
from cliq_async.transport.executor import CallOptions, PendingCall
from cliq_async.transport.protocol import ApiCall

__all__ = ["CliqClient"]

LaneName = Literal["interactive", "bulk"]


class CliqClient:
    """A client of one Zoho Cliq account. Use it as an async context manager.

    Example:
        ```python
        async with CliqClient("1000.41d9…") as client:
            await client.messages.send("supportbot", "Hello!", user_ids=["55743307"])
        ```

    Args:
        auth: An access token, an `AccessToken`, a `RefreshToken`, `ClientCredentials`, or an
            async callable that returns an access token.
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
        allow_http: Hosts, with or without a port, to which requests may go unencrypted, with the
            access token in them. This machine needs no mention.
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
        allow_http: str | Collection[str] = (),
        connector: aiohttp.BaseConnector | None = None,
        proxy: str | None = None,
        hooks: Hooks | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        try:
            self._auth = validate_auth(auth)
        finally:
            del auth  # a traceback may show what is here
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
            allow_http=allow_http,
        )
        if isinstance(self._auth, RefreshToken | ClientCredentials) and self._auth.accounts_url:
            check_secure("accounts_url", self._auth.accounts_url, self._settings.allow_http)
        self._store = open_store(quota, clock)
        self._quotas = self._settings.quotas()
        self._session = Session(
            settings=self._settings,
            auth=self._auth,
            store=self._store,
            quotas=self._quotas,
            connect=lambda: transport or AiohttpTransport(connector=connector, proxy=proxy),
            hooks=hooks,
        )
        self._opened = False
        self._options = CallOptions(max_wait_s=max_wait_s, timeout_s=timeout_s)
        self._wire()

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """A client with credentials and settings from the environment.

        CLIQ_ACCESS_TOKEN, or CLIQ_CLIENT_ID, CLIQ_CLIENT_SECRET and CLIQ_REFRESH_TOKEN;
        CLIQ_DATA_CENTER, CLIQ_BASE_URL, CLIQ_ACCOUNTS_URL, CLIQ_QUOTA, CLIQ_ACCOUNT and
        CLIQ_TIME_SCALE, CLIQ_ALLOW_HTTP.

        Args:
            **options: As for the class; they win over the environment.

        Raises:
            ValidationError: There are no credentials, or a setting is out of its range.
        """
        auth, found = from_env()
        return cls(auth, **(found | options))

    async def __aenter__(self) -> Self:
        if self._session.executor is None:
            self._opened = True
            self._session.open()
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
        return self._session.executor is not None

    async def close(self) -> None:
        """Let go of all connections. What is under way is given up.

        Closing what `with_options` gave leaves the client that it came from open.
        """
        if not self._opened:
            return
        self._opened = False
        await self._session.close()

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
        message: Message | str | PersonalMessage,
        to: Items,
        **options: Unpack[JobOptions],
    ) -> BulkReport:
        """Send a message to many, as fast as the quota allows.

        Example:
            ```python
            everybody = (user.user_id async for user in client.subscribers.iter("supportbot"))
            report = await client.broadcast("supportbot", "Maintenance at 6", everybody)

            people = [{"user_id": "55743307", "name": "Ann"}]
            report = await client.broadcast(
                "supportbot", lambda one: (one["user_id"], f"Hello {one['name']}"), people
            )
            ```

        Args:
            bot_unique_name: The bot's unique name.
            message: The message, or just its text; or what makes a recipient's id and their
                message of each item, such as a `MessageTemplate`. Those whose messages are equal
                share requests.
            to: The recipients' ids, as an iterable or an async one, read as the job goes on. If
                messages are personal, whatever they are made of; all of it is read, and all
                messages are made and checked, before the first request.
            **options: See `JobOptions`.

        Returns:
            What became of every recipient, those of earlier runs included. Errors of single
            requests are in it; they are not raised. `stopped` says whether the job ended early.

        Raises:
            ValidationError: A message or an option breaks a limit; nothing was sent.
            JournalError: The journal cannot be used, or is that of another job: of another bot,
                message or list of recipients; nothing was sent.
            Exception: What `to` raised before its first id; nothing was sent.
        """
        job = self.broadcast_job(bot_unique_name, message, **options)
        self._session.ready()  # or every batch would fail for the same reason
        return await job.run(to)

    def broadcast_job(
        self,
        bot_unique_name: str,
        message: Message | str | PersonalMessage,
        **options: Unpack[JobOptions],
    ) -> Broadcast:
        """A broadcast that can be stopped: `plan(to)`, `run(to)`, `stop(why)` and `abort(why)`.

        Takes what `broadcast` takes.
        """
        return self._job(MESSAGES, bot_unique_name, message, options)

    async def call_many(
        self,
        bot_unique_name: str,
        call: Call | str | PersonalCall,
        to: Items,
        **options: Unpack[JobOptions],
    ) -> BulkReport:
        """Call many, 10 with a request, as fast as the quota allows: 100 in 5 minutes.

        Example:
            ```python
            report = await client.call_many("supportbot", "Fire drill. Please leave.", ids)
            ```

        Args:
            bot_unique_name: The bot's unique name; calls have to be enabled for it.
            call: The call without `user_ids`, or just its text; or what makes a recipient's id
                and their call of each item, such as a `CallTemplate`.
            to: As for `broadcast`.
            **options: See `JobOptions`.

        Returns:
            As for `broadcast`. Those whom Cliq does not name in its answer have failed.

        Raises:
            ValidationError: A call or an option breaks a limit; nothing was sent.
            JournalError: As for `broadcast`.
            Exception: What `to` raised before its first id; nothing was sent.
        """
        job = self.call_many_job(bot_unique_name, call, **options)
        self._session.ready()
        return await job.run(to)

    def call_many_job(
        self,
        bot_unique_name: str,
        call: Call | str | PersonalCall,
        **options: Unpack[JobOptions],
    ) -> Broadcast:
        """Calls that can be stopped. Takes what `call_many` takes."""
        return self._job(CALLS, bot_unique_name, call, options)

    def _job(self, payload: Payload, bot: str, content: object, options: JobOptions) -> Broadcast:
        max_wait_s = options.get("max_wait_s")
        attrs.evolve(self._settings, max_wait_s=max_wait_s)  # checks it
        patient = attrs.evolve(
            self._options,
            lane=Lane.BULK,
            max_wait_s=max_wait_s,
            reserve=options.get("headroom", 0),
            job=object(),
        )
        return make_job(
            payload,
            bot,
            content,
            begin=partial(self._begin, patient),
            quota=self._quotas[payload.endpoint.name],
            options=options,
        )

    def _begin(self, options: CallOptions, call: ApiCall) -> PendingCall:
        return self._session.ready().begin(call, options)

    async def quota_status(self) -> dict[str, QuotaStatus]:
        """The quota of every endpoint, by the endpoint's name."""
        limiter = Limiter.of(self._store)
        quotas = list(self._quotas.values())
        snapshots = await self._store.snapshots(quotas)
        return {
            quota.endpoint: QuotaStatus.of(snapshot, limiter.waiting(quota.key), self._store.clock)
            for quota, snapshot in zip(quotas, snapshots, strict=True)
        }

    async def estimate_s(self, endpoint: str, requests: int, *, headroom: int = 0) -> float:
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

    def _with(self, options: CallOptions) -> Self:
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
        return (self._session.executor or self._session.ready()).execute(call, self._options)


def _lane(name: str) -> Lane:
    try:
        return Lane[name.upper()]
    except KeyError:
        raise ValidationError("lane", "interactive or bulk", name) from None
