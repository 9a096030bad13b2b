"""`cliq auth login`: a self client's code exchanged for a refresh token, which is kept."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import attrs
import click

from cliq_async.auth.accounts import AccountsClient, AuthorizationCode, ExchangeResult
from cliq_async.auth.credentials import is_token
from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.options import ServerOptions, server
from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.prompts import ask, is_terminal, prompt_secret
from cliq_async.cli.scopes import scopes_of
from cliq_async.cli.settings.config_file import NAME
from cliq_async.cli.settings.credentials import REFRESH
from cliq_async.cli.settings.keyring import Keyring, find_keyring
from cliq_async.cli.settings.profiles import Profile, ProfileStore, Secrets
from cliq_async.cli.settings.resolution import (
    VARIABLES,
    ResolvedSettings,
    Setting,
    profile_name,
    resolve,
)
from cliq_async.cli.text import clean, verbatim
from cliq_async.data_centers import data_center_of, is_loopback, is_zoho, normalize_host
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.registry import lease, open_store
from cliq_async.transport.aiohttp import AiohttpTransport

__all__ = ["accounts_server", "login"]

_CLIENT_ID, _CLIENT_SECRET = REFRESH[:2]

Store = Literal["auto", "keyring", "file"]


@asynccontextmanager
async def accounts_server(effective: ResolvedSettings, url: str) -> AsyncIterator[AccountsClient]:
    """An accounts server, asked over a connection of its own and counted where everything is."""
    store = open_store(effective.options().get("quota"))
    scale = effective.checked().time_scale
    async with lease(store):
        transport = AiohttpTransport()
        try:
            yield AccountsClient(url, transport, store, scale)
        finally:
            await transport.close()


@attrs.frozen
class _Login:
    """A login under way: what is known before anything is asked for."""

    effective: ResolvedSettings
    name: str
    url: str
    book: ProfileStore
    known: dict[str, Profile]
    keyring: Keyring | None

    async def run(self, code: AuthorizationCode) -> Profile:
        """Exchange the code and keep what comes of it."""
        async with accounts_server(self.effective, self.url) as accounts:
            exchanged = await accounts.exchange(code)
            profile = self._kept(exchanged)
            try:
                await accounts.share(exchanged)
            except QuotaStoreError as error:
                echo_err(
                    f"warning: the quota store failed, and is needed from now on: {clean(error)}"
                )
        return profile

    def _kept(self, exchanged: ExchangeResult) -> Profile:
        credentials = exchanged.credentials
        secrets = Secrets(credentials.client_secret, credentials.refresh_token)
        profile = self._profile(exchanged)
        if self.keyring is not None and self.keyring.save(self.name, secrets):
            profile = attrs.evolve(profile, keyring=self.keyring.name)
        else:
            if self.keyring is not None:
                echo_err(f"warning: {clean(self.keyring.name)} keeps nothing, so a file does")
            profile = attrs.evolve(profile, secrets=secrets)
        self.book.put(self.name, profile)
        return profile

    def _profile(self, exchanged: ExchangeResult) -> Profile:
        settings = self.effective.checked()
        return Profile(
            client_id=exchanged.credentials.client_id,
            data_center=self._data_center(exchanged),
            accounts_url=self.url,
            account=self._account(exchanged.credentials.client_id),
            base_url=settings.base_url,
            time_scale=None if settings.time_scale == 1.0 else settings.time_scale,
            scopes=exchanged.scopes,
        )

    def _data_center(self, exchanged: ExchangeResult) -> str:
        """Where the account lives, which its accounts server knows best."""
        settings, there = self.effective.checked(), exchanged.made.data_center
        asked = settings.data_center
        if there in (None, asked) or settings.base_url or is_loopback(normalize_host("", self.url)):
            return asked
        echo_err(
            f"warning: the account lives in data center {there!r}, not {asked!r}, and is used there"
        )
        said = self.effective.settings.get("data_center", Setting(asked, ""))
        if said.source == VARIABLES["data_center"] or NAME in said.source:
            echo_err(f"warning: {said.source} says otherwise, and wins: change it")
        return there or asked

    def _account(self, client_id: str) -> str:
        """The name of the quota, which must be the same for the same Cliq user."""
        given = self.effective.settings.get("account")
        if given is not None and given.source != f"profile {self.name}":
            return str(given.value)
        for name, other in self.known.items():
            if (other.client_id, other.accounts_url) == (client_id, self.url):
                if name != self.name:
                    echo_err(f"profile {name!r} has the same client, so the same quota")
                return other.account
        return self.name


def _accounts_url(effective: ResolvedSettings) -> str:
    """The accounts server to ask: that of another server, a sandbox say, is the server itself."""
    settings = effective.checked()
    if "accounts_url" in effective.settings:
        url = effective.accounts_url.rstrip("/")
        normalize_host("accounts_url", url)
        return url
    if settings.base_url is not None and not is_zoho(normalize_host("base_url", settings.base_url)):
        return settings.base_url.rstrip("/")
    return settings.accounts_url


def _keyring(store: Store) -> Keyring | None:
    found = None if store == "file" else find_keyring()
    if found is None and store == "keyring":
        how = "`pip install 'cliq-async[keyring]'`, or --store file"
        raise CliError(f"there is no keyring that can be used here: {how}", USAGE)
    return found


def _introduce(url: str) -> None:
    """Say what to do, to whoever is there to do it."""
    center = data_center_of(url)
    if center is not None:
        console = url.replace("//accounts.", "//api-console.")
        echo_err(f"data center {center} (--data-center for another). At {console}:")
        echo_err("  Add Client, Self Client: there are client id and secret")
        echo_err("  Generate Code with these scopes (`cliq auth scopes` for fewer):")
        echo_err(f"  {','.join(scopes_of())}")
    else:
        echo_err(f"accounts server {url}")


def _code(client_id: str | None, client_secret: str | None, code: str | None) -> AuthorizationCode:
    """What is to be exchanged, asked for where it is not given."""
    there = is_terminal()
    missing = [
        what
        for what, given in (
            (f"--client-id or {_CLIENT_ID}", client_id),
            (f"{_CLIENT_SECRET} or --client-secret", client_secret),
        )
        if given is None
    ]
    if missing and not there:
        raise CliError("nobody is there to be asked: give " + ", and ".join(missing), USAGE)
    client_id = _token("client id", client_id or ask("Client id"))
    client_secret = _token("client secret", client_secret or prompt_secret("Client secret"))
    if code is None and there:
        code = prompt_secret("Code")
    elif code in (None, "-"):
        code = "" if sys.stdin is None else sys.stdin.readline().strip()
        if not code:
            raise CliError("there is no code on standard input", USAGE)
    return AuthorizationCode(client_id, client_secret, _token("code", code or ""))


def _token(what: str, value: str) -> str:
    if not is_token(value):
        raise CliError(f"a {what} is visible ASCII characters, at least one", USAGE)
    return value


def _hidden(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    return None if value is None else value.strip()


def _variable(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


@click.command(
    short_help="Log in with a self client's code.",
    epilog=verbatim(
        """
Examples:
  cliq auth login
  cliq auth login --data-center eu --profile work
  cliq auth login < code.txt
""",
        """
The client is CLIQ_CLIENT_ID and CLIQ_CLIENT_SECRET, where they are set; else it is asked for.
Others can see the options of a running program: leave secrets to the questions, to the
environment and to standard input.
""",
    ),
)
@click.option("--client-id", metavar="ID", help="Else CLIQ_CLIENT_ID, else asked for.")
@click.option(
    "--client-secret",
    metavar="SECRET",
    callback=_hidden,
    help="Else CLIQ_CLIENT_SECRET, else asked for.",
)
@click.option(
    "--code", metavar="CODE", callback=_hidden, help="Else asked for; - reads standard input."
)
@click.option(
    "--accounts-url",
    metavar="URL",
    help="The accounts server, else CLIQ_ACCOUNTS_URL, else that of --base-url or of the data "
    "center.",
)
@click.option(
    "--store",
    type=click.Choice(["auto", "keyring", "file"]),
    default="auto",
    help="Where secrets are kept: in the system's keyring, if there is one that can be used, else "
    "in a file.",
)
@server
def login(
    *,
    client_id: str | None,
    client_secret: str | None,
    code: str | None,
    accounts_url: str | None,
    store: Store,
    server: ServerOptions,
) -> None:
    """Exchange a self client's code for a refresh token, and keep that in a profile.

    All commands then use it, by the name of the profile or, without --profile, as the default. The
    code works once, within the minutes that were chosen for it.
    """
    given: dict[str, Any] = server.given() | {"accounts_url": accounts_url}
    effective = resolve(given, profile=server.profile, logging_in=True)
    name = profile_name(server.profile)
    book = ProfileStore()
    book.check()  # while the code is still good
    url = _accounts_url(effective)
    login = _Login(effective, name, url, book, book.profiles(), _keyring(store))
    if is_terminal() and code is None:
        _introduce(url)
    asked = _code(
        client_id or _variable(_CLIENT_ID), client_secret or _variable(_CLIENT_SECRET), code
    )
    before = login.known.get(name)
    profile = asyncio.run(login.run(asked))
    if before is not None and before.keyring is not None and profile.keyring is None:
        _forget(before.keyring, name)
    where = profile.base_url or f"data center {profile.data_center}"
    echo(f"logged in: profile {name}, {where}, account {clean(profile.account)}")
    place = clean(profile.keyring) if profile.keyring else f"{book.path}, readable by you alone"
    echo(f"secrets are in {place}")
    if before is not None:
        echo_err(
            "the former refresh token is still good: connected apps of the Zoho account can end it"
        )
    _hint(name)


def _hint(name: str) -> None:
    """Say how the profile is used, where it is not by itself."""
    first = resolve({}).credentials
    if first is None or first.profile not in (None, name):
        echo_err(f"use it with --profile {name}, or CLIQ_PROFILE={name}")
    elif first.profile is None:
        echo_err(f"warning: {first.source} goes before it: unset that, or give --profile {name}")


def _forget(keyring: str, name: str) -> None:
    found = find_keyring()
    try:
        if found is not None:
            found.delete(name)
            return
    except CliError:
        pass
    echo_err(f"warning: former secrets of profile {name!r} are still in {clean(keyring)}")
