"""The client: its settings, its resources and its bulk jobs."""

import copy
from collections.abc import Awaitable, Collection, Mapping
from functools import partial
from types import EllipsisType, TracebackType
from typing import Any, Literal, Self, Unpack

import aiohttp
import attrs

from cliq_async.auth.provider import ApiKey, Auth, ClientCredentials, RefreshToken, validate_auth
from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.jobs import Items, JobOptions, PersonalCall, PersonalMessage, make_job
from cliq_async.bulk.payloads import CALLS, MESSAGES, Payload
from cliq_async.bulk.report import BulkReport
from cliq_async.clock import Clock
from cliq_async.config import ClientOptions, Settings, from_env
from cliq_async.data_centers import check_secure
from cliq_async.endpoints import ENDPOINTS, Endpoint, Limit
from cliq_async.errors import NOTHING, ValidationError, suggest
from cliq_async.hooks import Hooks
from cliq_async.models.call import Call
from cliq_async.models.message import Message
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane, Quota, Snapshot
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.deadlines import answer_by
from cliq_async.quota.stores.registry import open_store
from cliq_async.resources.bots import Bots
from cliq_async.resources.calls import Calls
from cliq_async.resources.functions import Functions
from cliq_async.resources.handlers import Handlers
from cliq_async.resources.messages import Messages
from cliq_async.resources.subscribers import Subscribers
from cliq_async.session import Session
from cliq_async.transport.aiohttp import AiohttpTransport
from cliq_async.transport.base import MAX_RESPONSE_BYTES, Transport
from cliq_async.transport.pending_call import CallOptions, PendingCall
from cliq_async.transport.protocol import ApiCall
from cliq_async.transport.routing import Query, route_call

__all__ = ["CliqClient"]

LaneName = Literal["interactive", "bulk"]


def _unopened(_call: ApiCall) -> Awaitable[object]:
    raise RuntimeError("CliqClient is a class: make an instance, and open it with `async with`")


def _lane(name: str) -> Lane:
    try:
        return Lane[name.upper()]
    except KeyError:
        raise ValidationError("lane", "interactive or bulk", name) from None


class CliqClient:
    """A client of one Zoho Cliq account. Use it as an async context manager.

    Example:
        ```python
        async with CliqClient("1000.41d9…") as client:
            await client.messages.send("supportbot", "Hello!", user_ids=["55743307"])
        ```

    Args:
        auth: An access token, an `AccessToken`, a `RefreshToken`, `ClientCredentials`, an `ApiKey`,
            or an async callable that returns an access token.
        data_center: Where the account lives: us, eu, in, au, cn, jp, sa, uk or ca.
        base_url: The server to call instead of the data center's, as scheme and host.
        network: The name or id of an external network.
        account: A name for the Cliq user. Give each user a different name, since Cliq counts
            requests per user; clients with the same name share a quota.
        quota: The quota store or its URL: `sqlite:///path`, shared by all processes on this
            machine; `redis://host:port/db`, shared between hosts; or `memory://`, shared by all
            clients in this process. With `?cold_start=spent`, a new store starts with its quota
            spent. The default is a SQLite file in the platform's state folder.
        limits: Limits that replace the documented ones, by endpoint name.
        margin_s: A safety margin added to the time at which a token is free again, in server
            seconds.
        straggler_s: The longest time after which an abandoned request may still arrive, in server
            seconds.
        max_wait_s: The longest time that a call may wait, in real seconds; None for no limit.
        timeout_s: The timeout of one request, in real seconds; None for no limit.
        max_response_bytes: The longest body of an answer, unpacked; 16 MiB by default. That of a
            refusal is never longer than 1 MiB.
        pace: "even" spreads requests over the window instead of sending them at once.
        max_rate: The most requests per second, over all endpoints.
        time_scale: The speed of the server's time: 60 for a sandbox whose minute takes a second.
        allow_http: Hosts, with or without a port, that may be called over plain HTTP, which sends
            the access token unencrypted. The local machine is always allowed.
        connector: Your own aiohttp connector; closed with the client.
        proxy: The URL of an HTTP proxy, `http://user:password@host:port`.
        trust_env: True to use the proxies of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as aiohttp does.
        user_agent: Your program's name, such as `shop/2.1`, added to the header User-Agent.
        headers: Headers to add to each request to Cliq, such as those of a gateway of yours; not
            sent to the accounts server, and never shown.
        hooks: Callbacks for waits, locks, requests and calls.
        transport: A transport to use instead of aiohttp; closed with the client.
        clock: The source of time, for tests.

    Raises:
        ValidationError: A setting is out of range.
        QuotaStoreError: There is no place for the default quota, since this user has no home.
    """

    # At the class as well, for `create_autospec(CliqClient)`; each client has its own.
    bots: Bots = Bots(_unopened)
    calls: Calls = Calls(_unopened)
    functions: Functions = Functions(_unopened)
    handlers: Handlers = Handlers(_unopened)
    messages: Messages = Messages(_unopened)
    subscribers: Subscribers = Subscribers(_unopened)

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
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        pace: Literal["even"] | None = None,
        max_rate: float | None = None,
        time_scale: float = 1.0,
        allow_http: str | Collection[str] = (),
        connector: aiohttp.BaseConnector | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        user_agent: str = "",
        headers: Mapping[str, str] | None = None,
        hooks: Hooks | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        try:
            self._auth = validate_auth(auth)
        finally:
            del auth  # tracebacks may show local variables
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
            max_response_bytes=max_response_bytes,
            pace=pace,
            max_rate=max_rate,
            time_scale=time_scale,
            allow_http=allow_http,
            proxy=proxy,
            trust_env=trust_env,
            user_agent=user_agent,
            headers={} if headers is None else headers,
        )
        if isinstance(self._auth, RefreshToken | ClientCredentials) and self._auth.accounts_url:
            check_secure("accounts_url", self._auth.accounts_url, self._settings.allow_http)
        if isinstance(self._auth, ApiKey):
            self._settings.check_key_is_safe()
        self._store = open_store(quota, clock)
        self._quotas = self._settings.quotas()
        self._session = Session(
            settings=self._settings,
            auth=self._auth,
            store=self._store,
            quotas=self._quotas,
            connect=lambda: (
                transport or AiohttpTransport(connector=connector, proxy=proxy, trust_env=trust_env)
            ),
            hooks=hooks,
        )
        self._opened = False
        self._options = CallOptions(max_wait_s=max_wait_s, timeout_s=timeout_s)
        self._wire()

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Self:
        """Build a client with credentials and settings from the environment.

        Reads CLIQ_ACCESS_TOKEN, or CLIQ_CLIENT_ID, CLIQ_CLIENT_SECRET and CLIQ_REFRESH_TOKEN, or
        CLIQ_ZAPIKEY; CLIQ_DATA_CENTER, CLIQ_BASE_URL, CLIQ_ACCOUNTS_URL, CLIQ_QUOTA, CLIQ_ACCOUNT,
        CLIQ_TIME_SCALE, CLIQ_ALLOW_HTTP and CLIQ_PROXY.

        Args:
            **options: The keyword arguments of `CliqClient`; they override the environment.

        Raises:
            ValidationError: Credentials are missing, or a setting is out of range.
        """
        auth, found = from_env()
        chosen: dict[str, Any] = {**found, **options}
        return cls(auth, **chosen)

    def __repr__(self) -> str:
        """Return the server, the account and the state; nothing secret."""
        name, settings = type(self).__name__, getattr(self, "_settings", None)
        if settings is None or not hasattr(self, "_session"):  # in the traceback of `__init__`
            return f"<{name} not initialized>"
        state = "open" if self.is_open else "closed"
        return f"<{name} {settings.root_url} account={settings.account!r} {state}>"

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def is_open(self) -> bool:
        """True if the client can make calls."""
        return self._session.executor is not None

    async def open(self) -> Self:
        """Open the client where `async with` does not fit, such as in an app's start-up handler.

        Opening an open client does nothing. Call `close` in the same event loop in the end.

        Example:
            ```python
            client = await CliqClient.from_env().open()
            ...
            await client.close()
            ```

        Raises:
            RuntimeError: gevent or eventlet has replaced the threads of this process.
        """
        if self._session.executor is None:
            self._session.open()
            self._opened = True
        return self

    async def close(self) -> None:
        """Close all connections. Requests in flight are aborted.

        Closing a client that `with_options` returned leaves the original client open.
        """
        if self._opened:
            await self._session.close()
            self._opened = False

    def with_options(
        self,
        *,
        lane: LaneName | None = None,
        max_wait_s: float | EllipsisType | None = ...,
        timeout_s: float | EllipsisType | None = ...,
    ) -> Self:
        """Return the same open client with different options, for a call or a task.

        Example:
            ```python
            await client.with_options(max_wait_s=2).messages.send(bot, text, user_ids=[user])
            ```

        Args:
            lane: "interactive" calls go before "bulk" ones when both wait for the quota.
            max_wait_s: The longest time that a call may wait, in real seconds; None for no limit.
            timeout_s: The timeout of one request, in real seconds; None for no limit.

        Raises:
            ValidationError: An option is out of range.
        """
        changes: dict[str, Any] = {}
        if max_wait_s is not ...:
            changes["max_wait_s"] = max_wait_s
        if timeout_s is not ...:
            changes["timeout_s"] = timeout_s
        attrs.evolve(self._settings, **changes)  # validates them
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
        """Send a message to many recipients, as fast as the quota allows.

        Example:
            ```python
            ids = (user.user_id async for user in client.subscribers.iter("supportbot"))
            report = await client.broadcast("supportbot", "Maintenance at 6", ids)

            people = [{"user_id": "55743307", "name": "Ann"}]
            report = await client.broadcast(
                "supportbot", lambda row: (row["user_id"], f"Hello {row['name']}"), people
            )
            ```

        Args:
            bot_unique_name: The bot's unique name.
            message: The message, or just its text; or a function that returns a recipient's id and
                message for each item, such as a `MessageTemplate`. Recipients with equal messages
                share requests.
            to: The recipients' ids, as an iterable or an async iterable, read while the job runs.
                For personal messages, the items that the function takes: all items are read, and
                all messages built and validated, before the first request.
            **options: See `JobOptions`.

        Returns:
            The outcomes of all recipients, including those of earlier runs. Errors of single
            requests are in the report; they are not raised. `stopped` is set if the job ended
            early.

        Raises:
            ValidationError: A message or an option breaks a limit; nothing was sent.
            JournalError: The journal cannot be used, or belongs to another job: another bot,
                message or list of recipients; nothing was sent.
            Exception: `to` raised this before its first id; nothing was sent.
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
        """Return a broadcast that can be planned, run and stopped.

        Its methods are `plan(to)`, `run(to)`, `stop(why)` and `abort(why)`. The arguments are those
        of `broadcast`, without `to`.
        """
        return self._job(MESSAGES, bot_unique_name, message, options)

    async def call_many(
        self,
        bot_unique_name: str,
        call: Call | str | PersonalCall,
        to: Items,
        **options: Unpack[JobOptions],
    ) -> BulkReport:
        """Call many people, 10 per request, as fast as the quota allows: 100 in 5 minutes.

        Example:
            ```python
            report = await client.call_many("supportbot", "Fire drill. Please leave.", ids)
            ```

        Args:
            bot_unique_name: The unique name of a bot for which calls are enabled.
            call: The call without `user_ids`, or just its text; or a function that returns a
                recipient's id and call for each item, such as a `CallTemplate`.
            to: As for `broadcast`.
            **options: See `JobOptions`.

        Returns:
            As for `broadcast`. Recipients that Cliq's answer does not list count as failed.

        Raises:
            ValidationError: A call or an option breaks a limit; nothing was sent.
            JournalError: As for `broadcast`.
            Exception: `to` raised this before its first id; nothing was sent.
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
        """Return a `call_many` job that can be planned, run and stopped. See `broadcast_job`."""
        return self._job(CALLS, bot_unique_name, call, options)

    async def request(
        self,
        endpoint: str | Endpoint,
        path: str | None = None,
        *,
        params: Mapping[str, str] | None = None,
        query: Query | None = None,
        json: Mapping[str, Any] | None = None,
        limit: Limit | None = None,
    ) -> Any:
        """Send a request for which there is no method, with the same quota, retries and errors.

        Example:
            ```python
            await client.request("GET", "/bots/b-1901318000009075007")
            await client.request("get_bot", params={"bot_id": "b-1901318000009075007"})

            members = Endpoint(
                "list_members", "GET", "/channels/{channel_id}/members", Limit(30), scopes=()
            )
            await client.request(members, params={"channel_id": "O42"}, query={"limit": 50})
            await client.request("GET", "/channels/O42/members", limit=Limit(30))
            ```

        Args:
            endpoint: A name in `ENDPOINTS`; a method, followed by the path; or an `Endpoint` of
                your own, with a limit and a name that no other one has.
            path: The path after `/api/v3`, if `endpoint` is a method. A path of `ENDPOINTS`
                counts under the quota of that endpoint.
            params: The values of the parameters in the endpoint's path, if there is no `path`.
            query: The query; None leaves a parameter out.
            json: The body.
            limit: The limit of a path that is not in `ENDPOINTS`; required there, since Cliq locks
                after one request too many. All such paths with the same method and first part
                share one quota; give an `Endpoint` to tell them apart.

        Returns:
            The decoded JSON, or None if the answer had no body.

        Raises:
            ValidationError: The request is not a valid one, or has no limit; nothing was sent.
            CliqError: As for all other methods.
        """
        call = route_call(endpoint, path, params=params, query=query, json=json, limit=limit)
        if call.endpoint.name not in ENDPOINTS:
            self._session.add_endpoint(call.endpoint)
        return await self._send(call)

    def _job(self, payload: Payload, bot: str, content: object, options: JobOptions) -> Broadcast:
        max_wait_s = options.get("max_wait_s")
        attrs.evolve(self._settings, max_wait_s=max_wait_s)  # validates it
        call_options = attrs.evolve(
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
            begin=partial(self._begin, call_options),
            quota=self._quotas[payload.endpoint.name],
            store=self._store,
            options=options,
        )

    def _begin(self, options: CallOptions, call: ApiCall) -> PendingCall:
        return self._session.ready().begin(call, options)

    async def quota_status(self) -> dict[str, QuotaStatus]:
        """Return the quota of every endpoint, by endpoint name."""
        executor = self._session.executor
        limiter = Limiter.of(self._store) if executor is None else executor.limiter
        quotas = list(self._quotas.values())
        snapshots = await self._snapshots(quotas)
        return {
            quota.endpoint: QuotaStatus.of(snapshot, limiter.waiting(quota.key), self._store.clock)
            for quota, snapshot in zip(quotas, snapshots, strict=True)
        }

    async def estimate_s(self, endpoint: str, requests: int, *, headroom: int = 0) -> float:
        """Return the shortest time in which the quota allows a number of requests, in real seconds.

        Args:
            endpoint: The endpoint's name.
            requests: The number of requests still to send.
            headroom: The number of tokens to leave to other callers.

        Raises:
            ValidationError: `endpoint` is not the name of an endpoint.
        """
        if endpoint not in self._quotas:
            hint = f"there is no endpoint {endpoint!r}; {suggest(endpoint, self._quotas)}"
            raise ValidationError("endpoint", hint, NOTHING)
        if requests < 1:
            return 0.0
        (snapshot,) = await self._snapshots([self._quotas[endpoint]])
        return max(0.0, snapshot.earliest(requests - 1, headroom) - snapshot.now)

    async def _snapshots(self, quotas: list[Quota]) -> list[Snapshot]:
        store, max_wait_s = self._store, self._options.max_wait_s
        deadline = None if max_wait_s is None else store.clock() + max_wait_s
        return await answer_by(deadline, store, store.snapshots(quotas))

    def _with(self, options: CallOptions) -> Self:
        other = copy.copy(self)
        other._options = options
        other._opened = False  # closed by the original client
        other._wire()
        return other

    def _wire(self) -> None:
        self.bots = Bots(self._send)
        self.calls = Calls(self._send)
        self.functions = Functions(self._send)
        self.handlers = Handlers(self._send)
        self.messages = Messages(self._send)
        self.subscribers = Subscribers(self._send)

    def _send(self, call: ApiCall) -> Awaitable[object]:
        return self._session.ready().execute(call, self._options)
