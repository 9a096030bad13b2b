"""What `cliq doctor` looks at: one thing after the other, each told in plain words.

It only reads. Its one request to Cliq, and the one for an access token if none is shared that is
good, go through the quota like any other.
"""

import platform
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

import aiohttp
import attrs

from cliq_async._version import __version__
from cliq_async.cli.diagnostics.connectivity import ObservingTransport, probe
from cliq_async.cli.diagnostics.result import OK, UNCHECKED, WRONG, Check
from cliq_async.cli.diagnostics.store import store_checks
from cliq_async.cli.diagnostics.token import have_token
from cliq_async.cli.errors import CliError
from cliq_async.cli.scopes import commands_of, scopes_of
from cliq_async.cli.settings.profiles import ProfileStore
from cliq_async.cli.settings.resolution import ResolvedSettings
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
)

__all__ = ["Doctor", "versions"]

_READ: Final = "ZohoCliq.Bots.READ"
_NO_SCOPE: Final = "oauthtoken_scope_invalid"
_OFF_S: Final = 30.0
"""A clock that is this far off shows wrong times, and certificates look out of date soon after."""


def versions() -> Check:
    """What is installed."""
    said = f"cliq_async {__version__}, Python {platform.python_version()}, "
    return Check("versions", OK, said + f"aiohttp {aiohttp.__version__}, {platform.system()}")


class Doctor:
    """Looks at everything that a command needs.

    Args:
        effective: The settings.
        commands: The commands whose scopes are looked at.
        max_wait_s: How long to wait for the quota.
        observer: Carries the requests.
    """

    def __init__(
        self,
        effective: ResolvedSettings,
        *,
        commands: Sequence[str],
        max_wait_s: float,
        observer: ObservingTransport,
    ) -> None:
        self._effective = effective
        self._settings = effective.checked()
        self._commands = commands
        self._max_wait_s = max_wait_s
        self._observer = observer
        credentials = effective.credentials
        self._fixed = credentials is not None and credentials.kind == "access token"
        self._login = None if credentials is None else credentials.login
        self._reads: bool | None = None  # as the one request has shown

    async def checks(self) -> AsyncIterator[Check]:
        """The checks, each as soon as it is made."""
        credentials = self._credentials()
        yield credentials
        store_ok = True
        async for check in store_checks(self._effective):
            store_ok &= check.status == OK or check.name == "locks"
            yield check
        reached = True
        async for check in self._servers():
            reached &= check.status == OK
            yield check
        asked = credentials.status == OK and store_ok and reached
        if asked:
            token = await self._token()
            yield token
            if token.status == OK:
                yield await self._call()
        else:
            yield Check("token", UNCHECKED, "what is wrong above is in the way")
        yield self._data_center()
        yield self._clock()
        for check in self._scopes():
            yield check

    def _credentials(self) -> Check:
        credentials, book = self._effective.credentials, ProfileStore()
        try:
            self._effective.auth()
        except (CliError, CliqError) as error:
            return Check("credentials", WRONG, clean(error))
        assert credentials is not None  # noqa: S101 - auth() would have failed
        if self._login is not None and book.readable_by_others():
            advice = f"chmod 600 {book.path}"
            return Check("credentials", WRONG, f"others can read or write {book.path}", advice)
        said = f"{credentials.kind} of {credentials.source}"
        if self._login is not None:
            said += f", kept in {self._login.keyring or book.path}"
        return Check("credentials", OK, clean(said))

    async def _servers(self) -> AsyncIterator[Check]:
        urls = {"Cliq": self._settings.base_url or self._settings.root_url}
        if not self._fixed:
            urls["accounts server"] = self._effective.accounts_url
        for name, url in urls.items():
            host = clean(url)
            try:
                yield Check(name, OK, f"{host}: {await probe(url)}")
            except CliError as error:
                yield Check(name, WRONG, f"{host}: {error}")

    async def _token(self) -> Check:
        if self._fixed:
            return Check("token", OK, "an access token is given; it lives an hour")
        try:
            await have_token(self._effective, self._observer, self._max_wait_s)
        except QuotaWaitError as error:
            advice = "ten in ten minutes are made: have programs share this quota, and wait"
            return Check("token", WRONG, clean(error), advice)
        except (CliError, CliqError) as error:
            return Check("token", WRONG, clean(error), "`cliq auth login` makes a new one")
        return Check("token", OK, "an access token can be had")

    async def _call(self) -> Check:
        """The one request: a single bot."""
        options: dict[str, Any] = self._effective.options() | {"max_wait_s": self._max_wait_s}
        auth, transport = self._effective.auth(), _Kept(self._observer)
        name = "request"
        try:
            async with CliqClient(auth, transport=transport, **options) as client:
                await client.bots.list(limit=1)
        except PermissionDeniedError as error:
            if error.code == _NO_SCOPE:
                self._reads = False
                return Check(name, OK, "Cliq took the token, which lacks a scope: see below")
            return Check(name, WRONG, clean(error), "ask an administrator of the organization")
        except AuthenticationError as error:
            advice = "make a new one: it lives an hour" if self._fixed else "`cliq auth login`"
            return Check(name, WRONG, f"Cliq does not take the token: {clean(error)}", advice)
        except (QuotaWaitError, ThrottledError) as error:
            return Check(name, WRONG, clean(error), "run `cliq doctor` again then")
        except CliqError as error:
            advice = "" if isinstance(error, ApiError) else "run `cliq doctor` again in a while"
            return Check(name, WRONG, clean(error), advice)
        self._reads = True
        return Check(name, OK, "list_bots with limit=1 was answered")

    def _data_center(self) -> Check:
        name, asked = "data center", self._settings.data_center
        there = self._observer.data_center
        accounts = normalize_host("accounts_url", self._effective.accounts_url)
        if self._settings.base_url is not None or is_loopback(accounts):
            return Check(name, UNCHECKED, "another server than Zoho's is asked")
        if self._fixed:
            return Check(name, UNCHECKED, "an access token does not tell where its account lives")
        said = "so says the accounts server"
        if there is None and self._login is not None:
            there, said = self._login.data_center, "so said the accounts server at the login"
        if there is None:
            said = "only the answer with a new token tells, and there was none"
            return Check(name, UNCHECKED, said)
        if there == asked:
            return Check(name, OK, f"{asked}; {said}")
        source = self._effective.settings.get("data_center")
        whose = "" if source is None else f" ({source.source})"
        wrong = f"the account lives in {there}, and {asked} is asked{whose}; {said}"
        return Check(name, WRONG, wrong, f"say {there} there, or give --data-center {there}")

    def _clock(self) -> Check:
        offset_s, accuracy_s = self._observer.offset_s, self._observer.accuracy_s
        if offset_s is None:
            return Check("clock", UNCHECKED, "no answer had a date")
        if abs(offset_s) <= accuracy_s:
            return Check("clock", OK, f"as the server's, within {accuracy_s:.1f} s")
        way = "behind" if offset_s > 0 else "before"
        said = f"this machine's clock is {duration(abs(offset_s))} {way} the server's"
        if abs(offset_s) - accuracy_s <= _OFF_S:
            return Check("clock", OK, said)
        return Check("clock", WRONG, said, "set it, best by NTP; quotas count right all the same")

    def _users(self, scope: str) -> list[str]:
        return [name for name in commands_of(scope) if name in self._commands]

    def _scopes(self) -> Iterator[Check]:
        granted = self._observer.scopes or (self._login.scopes if self._login else ())
        for scope in scopes_of(self._commands):
            users = "cliq " + ", ".join(self._users(scope))
            has = self._reads if scope == _READ and self._reads is not None else None
            if has is None and granted:
                has = scope in granted
            if has is not None:
                yield Check(scope, OK, users) if has else _lacking(scope, users)
            elif scope == _READ:
                yield Check(scope, UNCHECKED, f"nothing was answered: {users}")
            else:
                endpoints = [row.name for row in ENDPOINTS.values() if scope in row.scopes]
                what = f"only requests that change something tell: {', '.join(endpoints)}"
                yield Check(scope, UNCHECKED, what)


def _lacking(scope: str, users: str) -> Check:
    advice = f"if you need it: a new code with {scope}, and `cliq auth login`"
    return Check(scope, WRONG, f"the token lacks it, so Cliq refuses {users}", advice)


@attrs.frozen
class _Kept:
    """A transport that outlives the client that closes it."""

    inner: ObservingTransport

    async def send(self, request: Any, permit: Any) -> Any:
        return await self.inner.send(request, permit)

    async def close(self) -> None: ...
