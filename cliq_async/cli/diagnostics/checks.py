"""The checks of `cliq doctor`, in order.

They only read. The one request to Cliq, and the one for an access token unless a valid one is
cached, go through the quota like all others.
"""

import platform
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import attrs

from cliq_async._version import __version__
from cliq_async.cli.diagnostics.connectivity import ObservingTransport, probe
from cliq_async.cli.diagnostics.result import OK, UNCHECKED, WRONG, Check
from cliq_async.cli.diagnostics.store import store_checks
from cliq_async.cli.diagnostics.token import obtain_token
from cliq_async.cli.errors import CliError, describe
from cliq_async.cli.required_scopes import commands_needing, scopes_needed
from cliq_async.cli.settings.profiles import ProfileStore
from cliq_async.cli.settings.resolution import ResolvedSettings, Setting
from cliq_async.cli.text import clean, duration
from cliq_async.client import CliqClient
from cliq_async.data_centers import is_loopback, normalize_host
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    CliqError,
    PermissionDeniedError,
    QuotaWaitError,
    ThrottledError,
    ValidationError,
)

__all__ = ["Doctor", "versions"]

_READ: Final = "ZohoCliq.Bots.READ"
_API_KEY: Final = "API key"
_REFUSED: Final = {
    "access token": "get a new one: it is valid for an hour",
    "refresh token": "run `cliq auth login`",
    _API_KEY: "check it, or run `cliq auth login`: this version of the API may want OAuth",
}
"""The advice for credentials of each kind that Cliq does not accept."""
_NO_SCOPE: Final = "oauthtoken_scope_invalid"
_OFF_S: Final = 30.0
"""A clock that is off by more shows wrong times, and makes certificates look expired."""


def versions() -> Check:
    """Report the installed versions."""
    version = f"cliq_async {__version__}, Python {platform.python_version()}, "
    return Check("versions", OK, version + f"aiohttp {aiohttp.__version__}, {platform.system()}")


class Doctor:
    """Checks everything that a command needs.

    Args:
        resolved: The settings.
        commands: The commands whose scopes are checked.
        max_wait_s: The longest wait for the quota.
        observer: The transport of the requests.
    """

    def __init__(
        self,
        resolved: ResolvedSettings,
        *,
        commands: Sequence[str],
        max_wait_s: float,
        observer: ObservingTransport,
    ) -> None:
        self._resolved = resolved
        self._settings = resolved.validated()
        self._commands = commands
        self._max_wait_s = max_wait_s
        self._observer = observer
        credentials = resolved.credentials
        self._fixed = credentials is not None and credentials.fixed
        self._kind = "" if credentials is None else credentials.kind
        self._login = None if credentials is None else credentials.login
        self._reads: bool | None = None  # learned from the one request

    async def checks(self) -> AsyncIterator[Check]:
        """Run the checks. Yields each result as soon as it is known."""
        credentials = self._credentials()
        yield credentials
        store_ok = True
        async for check in store_checks(self._resolved):
            store_ok &= check.status == OK or check.name == "locks"
            yield check
        is_reachable = True
        async for check in self._servers():
            is_reachable &= check.status == OK
            yield check
        if credentials.status == OK and store_ok and is_reachable:
            token = await self._token()
            yield token
            if token.status == OK:
                yield await self._call()
        else:
            yield Check("token", UNCHECKED, "skipped: a check above failed")
        yield self._data_center()
        yield self._clock()
        for check in self._scopes():
            yield check

    def _credentials(self) -> Check:
        credentials, store = self._resolved.credentials, ProfileStore()
        try:
            self._resolved.auth()
        except (CliError, CliqError) as error:
            said = describe(error)
            if fix := said.partition("no credentials: ")[2]:
                return Check("credentials", WRONG, "not given", fix)
            return Check("credentials", WRONG, said)
        assert credentials is not None  # noqa: S101 - auth() would have failed
        if self._login is not None and store.is_open_to_others():
            advice = f"chmod 600 {store.path}"
            return Check(
                "credentials", WRONG, f"other users can read or write {store.path}", advice
            )
        origin = f"{credentials.kind} of {credentials.source}"
        if self._login is not None:
            origin += f", kept in {self._login.keyring or store.path}"
        return Check("credentials", OK, clean(origin))

    async def _servers(self) -> AsyncIterator[Check]:
        urls = {"Cliq": self._settings.base_url or self._settings.root_url}
        if not self._fixed:
            urls["accounts server"] = self._resolved.accounts_url
        for name, url in urls.items():
            host, way = clean(url), ""
            try:
                proxy = self._resolved.proxy(url)
                way = "" if proxy is None else f"through {_proxy(proxy)}, "
                reached = await probe(url, None if proxy is None else proxy.value)
                yield Check(name, OK, f"{host}: {way}{reached}")
            except (CliError, ValidationError) as error:
                yield Check(name, WRONG, f"{host}: {way}{describe(error)}")

    async def _token(self) -> Check:
        if self._fixed:
            lifetime = "does not expire" if self._kind == _API_KEY else "is valid for an hour"
            return Check("token", OK, f"an {self._kind} is given; it {lifetime}")
        try:
            await obtain_token(self._resolved, self._observer, self._max_wait_s)
        except QuotaWaitError as error:
            advice = (
                "Zoho issues ten tokens in ten minutes: wait, and have programs share this quota"
            )
            return Check("token", WRONG, describe(error), advice)
        except (CliError, CliqError) as error:
            return Check("token", WRONG, describe(error), "run `cliq auth login` for a new one")
        return Check("token", OK, "an access token was obtained")

    async def _call(self) -> Check:
        """Make the one request, for a single bot."""
        options: dict[str, Any] = self._resolved.options() | {"max_wait_s": self._max_wait_s}
        auth, transport = self._resolved.auth(), _SharedTransport(self._observer)
        name = "request"
        try:
            async with CliqClient(auth, transport=transport, **options) as client:
                await client.bots.list(limit=1)
        except PermissionDeniedError as error:
            if (error.code or "").lower() == _NO_SCOPE:
                self._reads = False
                return Check(name, OK, "Cliq accepts the token, which lacks a scope: see below")
            return Check(name, WRONG, describe(error), "ask an administrator of the organization")
        except AuthenticationError as error:
            problem = f"Cliq does not accept the {self._kind}: {describe(error)}"
            return Check(name, WRONG, problem, _REFUSED[self._kind])
        except (QuotaWaitError, ThrottledError) as error:
            return Check(
                name, WRONG, describe(error), "run `cliq doctor` again when the wait is over"
            )
        except CliqError as error:
            advice = "" if isinstance(error, ApiError) else "run `cliq doctor` again in a while"
            return Check(name, WRONG, describe(error), advice)
        self._reads = True
        return Check(name, OK, "list_bots with limit=1 was answered")

    def _data_center(self) -> Check:
        name, used = "data center", self._settings.data_center
        actual = self._observer.data_center
        accounts = normalize_host("accounts_url", self._resolved.accounts_url)
        if self._settings.base_url is not None or is_loopback(accounts):
            return Check(name, UNCHECKED, "the server is not Zoho's")
        if self._fixed:
            problem = f"an {self._kind} does not name the data center of its account"
            return Check(name, UNCHECKED, problem)
        source = "according to the accounts server"
        if actual is None and self._login is not None:
            actual = self._login.data_center
            source = "according to the accounts server at the login"
        if actual is None:
            return Check(
                name, UNCHECKED, "only a newly issued token names it, and no token was issued"
            )
        if actual == used:
            return Check(name, OK, f"{used}, {source}")
        setting = self._resolved.settings.get("data_center")
        origin = "" if setting is None else f" ({setting.source})"
        problem = f"the account belongs to {actual} {source}, but requests go to {used}{origin}"
        return Check(name, WRONG, problem, f"set it to {actual}, or pass --data-center {actual}")

    def _clock(self) -> Check:
        offset_s, accuracy_s = self._observer.offset_s, self._observer.accuracy_s
        if offset_s is None:
            return Check("clock", UNCHECKED, "no answer had a date")
        if abs(offset_s) <= accuracy_s:
            return Check("clock", OK, f"equal to the server's within {accuracy_s:.1f} s")
        direction = "behind" if offset_s > 0 else "ahead of"
        finding = f"this machine's clock is {duration(abs(offset_s))} {direction} the server's"
        if abs(offset_s) - accuracy_s <= _OFF_S:
            return Check("clock", OK, finding)
        return Check(
            "clock", WRONG, finding, "set it, preferably with NTP; quotas are not affected"
        )

    def _users(self, scope: str) -> list[str]:
        return [name for name in commands_needing(scope) if name in self._commands]

    def _scopes(self) -> Iterator[Check]:
        if self._kind == _API_KEY:
            yield Check("scopes", UNCHECKED, "an API key has no scopes")
            return
        granted = self._observer.scopes or (self._login.scopes if self._login else ())
        for scope in scopes_needed(self._commands):
            users = "cliq " + ", ".join(self._users(scope))
            has = self._reads if scope == _READ and self._reads is not None else None
            if has is None and granted:
                has = scope in granted
            if has is not None:
                yield Check(scope, OK, users) if has else _missing_scope(scope, users)
            elif scope == _READ:
                yield Check(scope, UNCHECKED, f"the request was not answered: {users}")
            else:
                rows = [row for row in ENDPOINTS.values() if scope in row.scopes]
                reads = any(row.method == "GET" for row in rows)
                reason = "only requests that change something show it"
                if reads:
                    reason = "this command sends no request that shows it"
                names = ", ".join(row.name for row in rows)
                yield Check(scope, UNCHECKED, f"{reason}: {names}")


def _proxy(setting: Setting) -> str:
    """Describe a proxy without its user and password."""
    parts = urlsplit(setting.value)
    return clean(f"the proxy {parts.scheme}://{parts.netloc.rpartition('@')[2]} ({setting.source})")


def _missing_scope(scope: str, users: str) -> Check:
    advice = f"if you need it: generate a code with {scope} and run `cliq auth login`"
    return Check(scope, WRONG, f"the token lacks this scope, so Cliq refuses {users}", advice)


@attrs.frozen
class _SharedTransport:
    """A transport that stays open when a client closes it."""

    inner: ObservingTransport

    async def send(self, request: Any, permit: Any) -> Any:
        return await self.inner.send(request, permit)

    async def close(self) -> None: ...
