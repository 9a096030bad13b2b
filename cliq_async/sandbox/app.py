"""The request handler: routing, authentication, rate limits, injected faults, endpoint."""

import re
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from cliq_async.endpoints import ENDPOINTS
from cliq_async.sandbox import access_log
from cliq_async.sandbox.accounts import Accounts
from cliq_async.sandbox.dialect import DIALECTS
from cliq_async.sandbox.endpoints import Call
from cliq_async.sandbox.errors import ApiFault, bad_request, missing_scope, not_authorized
from cliq_async.sandbox.events.routes import EventRoutes
from cliq_async.sandbox.events.service import EventService
from cliq_async.sandbox.faults import NO_RECIPIENT, THROTTLES, Faults, throttle_answer
from cliq_async.sandbox.latency import Latency
from cliq_async.sandbox.live import NO_RESPONSE
from cliq_async.sandbox.oauth import Tokens, user_label
from cliq_async.sandbox.origins import Origins
from cliq_async.sandbox.page import is_page, page_response
from cliq_async.sandbox.rate_limits import Throttle
from cliq_async.sandbox.report import make_report
from cliq_async.sandbox.responses import (
    DropConnection,
    NoResponse,
    bad_gateway,
    error_response,
    json_response,
    server_error,
)
from cliq_async.sandbox.router import Router
from cliq_async.sandbox.settings import Settings
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation.checks import unknown_keys

__all__ = ["MAX_BODY", "REPORT_PATH", "TOKEN_PATH", "SandboxApp"]

REPORT_PATH: Final = "/sandbox/report"
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105 - a path, not a password
REVOKE_PATH: Final = TOKEN_PATH + "/revoke"

MAX_BODY: Final = 2 * 1024**2
"""The body limit in bytes; JSON escapes can make the longest script six times as long."""

API_KEY: Final = "zapikey"
"""The query parameter that may carry a key in place of a token."""

_NETWORK: Final = re.compile(r"/network/[^/]+(?=/api/)")
"""The prefix that addresses an external network, which the sandbox ignores."""

_JSON: Final = "application/json"
_UNAUTHORIZED: Final = 401
_WITH_CONTENT: Final = frozenset({"send_message", "trigger_call"})

# Faults that break the response after the endpoint has run.
_BROKEN_RESPONSES: Final[dict[str, Callable[[], web.StreamResponse]]] = {
    "lost": NoResponse,
    "reset": DropConnection,
    "502": bad_gateway,
}


class SandboxApp:
    """The handler of all requests.

    Args:
        settings: The options of the sandbox.
        state: The data of the sandbox.
        latency: The simulated network latency.
        clock: A monotonic clock in seconds.

    Attributes:
        lock: Guards the state, which other threads may read or change.
        events: The events of webhook bots.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        *,
        latency: Latency,
        clock: Callable[[], float],
    ) -> None:
        self.lock = threading.Lock()
        self._state = state
        self._latency = latency
        self._origins = Origins((settings.host, *settings.hosts))
        self._throttle = Throttle(
            settings.algorithm,
            limits=settings.limits,
            seed=settings.seed,
            penalize=settings.penalize,
        )
        self._allow_unknown = _WITH_CONTENT if settings.allow_unknown else frozenset[str]()
        self._scopes = settings.scopes
        self._tokens = Tokens(
            seed=settings.seed, life_s=settings.token_life_s, scopes=settings.scopes
        )
        self._faults = Faults(settings.faults, seed=settings.seed)
        self._accounts = Accounts(self._tokens, self._faults)
        self._unauthorized = 0
        self._dialect = DIALECTS[settings.dialect]
        self._router = Router(self._dialect.paths)
        self._users: dict[str, str] = {}
        self._clock = clock
        self._started = clock()
        self._time_scale = settings.time_scale
        self.events = EventService(
            settings,
            state,
            lock=self.lock,
            faults=self._faults,
            throttle=self._throttle,
            now=self._now,
        )
        self._event_routes = EventRoutes(self.events)

    def report(self, *, user: str | None = None, recipients: bool = False) -> dict[str, Any]:
        """Return the report that `Sandbox.report` describes."""
        with self.lock:
            report = make_report(
                self._throttle, self._state, self._tokens, user=user, recipients=recipients
            )
        return report | {"unauthorized": self._unauthorized}

    def revoke(self, user: str | None = None) -> int:
        """Revoke active access tokens and return their number."""
        with self.lock:
            return self._tokens.revoke(self._now(), user)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Respond to a request."""
        path = request.rel_url.raw_path
        if not access_log.is_on() or is_page(path) or self._event_routes.serves(path):
            return await self._handle(request)
        began_at = self._clock()
        try:
            response = await self._handle(request)
        except BaseException:
            access_log.log_access(request, None, self._clock() - began_at)
            raise
        access_log.log_access(request, response, self._clock() - began_at)
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            self._origins.check(request)
            if is_page(path := request.rel_url.raw_path):
                return page_response(request.method, path)
            return await self._dispatch(request)
        except ApiFault as fault:
            return self._error_response(fault)

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        method, path = request.method, request.rel_url.raw_path
        if method == "GET" and path == REPORT_PATH:
            query = _query(request)
            recipients = query.get("recipients", "0") != "0"
            return json_response(200, self.report(user=query.get("user"), recipients=recipients))
        if self._event_routes.serves(path):
            return await self._event_routes.respond(request)
        accounts = {TOKEN_PATH: self._issue_token, REVOKE_PATH: self._revoke_token}
        if method == "POST" and path in accounts:
            if self._accounts.refuses_connection():
                return DropConnection()
            return await self._respond_with_latency(lambda: accounts[path](request))
        endpoint, parameters = self._router.find(method, _NETWORK.sub("", path))
        if self._faults.refuses_connection(endpoint):
            return DropConnection()
        return await self._respond_with_latency(
            lambda: self._call_endpoint(request, endpoint, parameters)
        )

    async def _respond_with_latency(
        self, respond: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        await self._latency.wait()
        try:
            response = await respond()
        except ApiFault as fault:
            response = self._error_response(fault)
        except OSError:  # the client disconnected while sending
            return NoResponse()
        await self._latency.wait()
        return response

    async def _issue_token(self, request: web.BaseRequest) -> web.StreamResponse:
        form = await _form(request)
        with self.lock:
            return self._accounts.answer(form, self._now())

    async def _revoke_token(self, request: web.BaseRequest) -> web.StreamResponse:
        token = (await _form(request)).get("token", "")
        with self.lock:
            return json_response(*self._tokens.revoke_refresh_token(token, self._now()))

    async def _call_endpoint(
        self, request: web.BaseRequest, endpoint: str, parameters: tuple[str, ...]
    ) -> web.StreamResponse:
        now = self._now()
        query = _query(request)
        key = query.pop(API_KEY, None)
        given = request.headers.get("Authorization", "") if key is None else f"Bearer {key}"
        user = request[access_log.USER] = self._authenticate(given, now)
        if not self._throttle.arrive(user, endpoint, now).allowed:
            return self._throttle_response(user, endpoint, now)
        fault = self._faults.draw(endpoint)
        if fault in THROTTLES:
            self._throttle.endpoint_counter(user, endpoint).lock(now, injected=fault)
            return self._throttle_response(user, endpoint, now)
        if fault == "401":
            raise not_authorized("oauthtoken_invalid")
        if fault == "500":
            return server_error()
        self._check_scope(endpoint)
        if fault == NO_RECIPIENT:
            return json_response(200, NO_RESPONSE)
        if fault == "502" and self._faults.flip_coin():
            return bad_gateway()
        call = Call(user, parameters, query, await _json_body(request))
        try:
            with self.lock, unknown_keys(allowed=endpoint in self._allow_unknown):
                reply = self._dialect.handlers[endpoint](self._state, call)
                self.events.api_calls.after(endpoint, call, reply, request.headers)
            response = json_response(*reply)
        except ApiFault as error:  # an injected fault can break this response, too
            response = self._error_response(error)
        return _BROKEN_RESPONSES[fault]() if fault else response

    def _authenticate(self, authorization: str, now: float) -> str:
        scheme, _, token = authorization.partition(" ")
        if (
            scheme.lower() not in {"bearer", "zoho-oauthtoken"}
            or token in {"", "invalid"}
            or not token.isascii()
        ):
            raise not_authorized()
        if self._tokens.has_ended(token, now):
            raise not_authorized("oauthtoken_invalid")
        label = self._tokens.user_of(token) or self._users.get(token)
        if label is None:
            label = self._users[token] = user_label(token)
        return label

    def _check_scope(self, endpoint: str) -> None:
        scopes = ENDPOINTS[endpoint].scopes
        if self._scopes is not None and self._scopes.isdisjoint(scopes):
            raise missing_scope(scopes)

    def _error_response(self, fault: ApiFault) -> web.Response:
        fault = self._dialect.translate(fault)
        self._unauthorized += fault.status == _UNAUTHORIZED
        return error_response(fault)

    def _throttle_response(self, user: str, endpoint: str, now: float) -> web.Response:
        lock = self._throttle.endpoint_counter(user, endpoint).locks[-1]
        limit = self._throttle.limit(endpoint)
        return json_response(*throttle_answer(lock.injected, limit, lock.until - now))

    def _now(self) -> float:
        """Return the seconds since the start, in the sandbox's time."""
        return (self._clock() - self._started) * self._time_scale


def _query(request: web.BaseRequest) -> dict[str, str]:
    text = request.rel_url.raw_query_string
    return dict(parse_qsl(text, keep_blank_values=True)) if text else {}


async def _form(request: web.BaseRequest) -> dict[str, str]:
    text = (await _body(request)).decode(errors="replace")
    return _query(request) | dict(parse_qsl(text, keep_blank_values=True))


async def _json_body(request: web.BaseRequest) -> bytes:
    body = await _body(request)
    if body and "Content-Type" in request.headers and request.content_type != _JSON:
        raise bad_request(f"The Content-Type is not {_JSON}.")
    return body


async def _body(request: web.BaseRequest) -> bytes:
    if not request.body_exists:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return await request.read()
    except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError):
        raise bad_request("The body is too large or damaged.") from None
