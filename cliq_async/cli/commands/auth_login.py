"""`cliq auth login`: exchange a self client's code for a refresh token, and store it."""

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
from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.cli.inputs.bounded import read_line
from cliq_async.cli.options import ServerOptions, server_options
from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.prompts import ask, is_terminal, prompt_secret
from cliq_async.cli.required_scopes import scopes_needed
from cliq_async.cli.settings.config_file import FILE_NAME
from cliq_async.cli.settings.keyring import Keyring, find_keyring
from cliq_async.cli.settings.profiles import Profile, ProfileStore, Secrets
from cliq_async.cli.settings.resolution import (
    ResolvedSettings,
    Setting,
    profile_name,
    resolve,
)
from cliq_async.cli.text import clean, verbatim
from cliq_async.config import OPTION_VARIABLES, REFRESH_TOKEN
from cliq_async.data_centers import data_center_of, is_loopback, is_zoho, normalize_host
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.registry import lease

__all__ = ["login", "open_accounts_client"]

_CLIENT_ID, _CLIENT_SECRET = REFRESH_TOKEN[:2]

Store = Literal["auto", "keyring", "file"]


@asynccontextmanager
async def open_accounts_client(
    resolved: ResolvedSettings, url: str
) -> AsyncIterator[AccountsClient]:
    """Open a client of an accounts server, with its own transport and the shared quota."""
    store = resolved.store()
    scale = resolved.validated().time_scale
    async with lease(store):
        transport = resolved.transport()
        try:
            yield AccountsClient(url, transport, store, scale)
        finally:
            await transport.close()


@attrs.frozen
class _Login:
    """A login in progress.

    Attributes:
        resolved: The settings.
        name: The name of the profile.
        url: The accounts server.
        store: The profiles file.
        known: The profiles before the login.
        keyring: The keyring for the secrets; None to store them in the file.
    """

    resolved: ResolvedSettings
    name: str
    url: str
    store: ProfileStore
    known: dict[str, Profile]
    keyring: Keyring | None

    async def run(self, code: AuthorizationCode) -> Profile:
        """Exchange the code and store the profile."""
        async with open_accounts_client(self.resolved, self.url) as accounts:
            exchanged = await accounts.exchange(code)
            profile = self._store(exchanged)
            try:
                await accounts.share(exchanged)
            except QuotaStoreError as error:
                echo_err(
                    f"warning: the quota store failed, and commands need it: {describe(error)}"
                )
        return profile

    def _store(self, exchanged: ExchangeResult) -> Profile:
        credentials = exchanged.credentials
        secrets = Secrets(credentials.client_secret, credentials.refresh_token)
        profile = self._profile(exchanged)
        if self.keyring is not None and self.keyring.save(self.name, secrets):
            profile = attrs.evolve(profile, keyring=self.keyring.name)
        else:
            if self.keyring is not None:
                echo_err(f"warning: {clean(self.keyring.name)} stores no secrets, so a file does")
            profile = attrs.evolve(profile, secrets=secrets)
        self.store.put(self.name, profile)
        return profile

    def _profile(self, exchanged: ExchangeResult) -> Profile:
        settings = self.resolved.validated()
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
        """Return the data center of the account, as its accounts server names it."""
        settings, actual = self.resolved.validated(), exchanged.issued.data_center
        used = settings.data_center
        if actual in (None, used) or settings.base_url or is_loopback(normalize_host("", self.url)):
            return used
        echo_err(
            f"warning: the account belongs to data center {actual!r}, not {used!r}, "
            "and is used there"
        )
        setting = self.resolved.settings.get("data_center", Setting(used, ""))
        if setting.source == OPTION_VARIABLES["data_center"] or FILE_NAME in setting.source:
            echo_err(f"warning: {setting.source} overrides this with {used!r}: change it")
        return actual or used

    def _account(self, client_id: str) -> str:
        """Return the name of the quota, which all profiles of a Cliq user have to share."""
        given = self.resolved.settings.get("account")
        if given is not None and given.source != f"profile {self.name}":
            return str(given.value)
        for name, other in self.known.items():
            if (other.client_id, other.accounts_url) == (client_id, self.url):
                if name != self.name:
                    echo_err(f"profile {name!r} has the same client, so both share a quota")
                return other.account
        return self.name


def _accounts_url(resolved: ResolvedSettings) -> str:
    """Return the accounts server; a server other than Zoho's, such as a sandbox, is its own."""
    settings = resolved.validated()
    if "accounts_url" in resolved.settings:
        url = resolved.accounts_url.rstrip("/")
        normalize_host("accounts_url", url)
        return url
    if settings.base_url is not None and not is_zoho(normalize_host("base_url", settings.base_url)):
        return settings.base_url.rstrip("/")
    return settings.accounts_url


def _keyring(store: Store) -> Keyring | None:
    keyring = None if store == "file" else find_keyring()
    if keyring is None and store == "keyring":
        remedy = "run `pip install 'cliq-async[keyring]'`, or pass --store file"
        raise CliError(f"no keyring can be used here: {remedy}", USAGE)
    return keyring


def _print_instructions(url: str) -> None:
    """Print how to get a code, before asking for it."""
    center = data_center_of(url)
    if center is not None:
        console = url.replace("//accounts.", "//api-console.")
        echo_err(f"data center {center} (--data-center for another). At {console}:")
        echo_err("  Add Client, Self Client: copy the client id and secret")
        echo_err("  Generate Code with these scopes (`cliq auth scopes` for fewer):")
        echo_err(f"  {','.join(scopes_needed())}")
    else:
        echo_err(f"accounts server {url}")


def _authorization_code(
    client_id: str | None, client_secret: str | None, code: str | None
) -> AuthorizationCode:
    """Build the code to exchange, and ask for the parts that are not given."""
    can_ask = is_terminal()
    missing = [
        source
        for source, given in (
            (f"--client-id or {_CLIENT_ID}", client_id),
            (f"{_CLIENT_SECRET} or --client-secret", client_secret),
        )
        if given is None
    ]
    if missing and not can_ask:
        sources = ", and ".join(missing)
        raise CliError(f"not a terminal, so there is no one to ask: set {sources}", USAGE)
    client_id = _validate("client id", client_id or ask("Client id"))
    client_secret = _validate("client secret", client_secret or prompt_secret("Client secret"))
    if code is None and can_ask:
        code = prompt_secret("Code")
    elif code in (None, "-"):
        code = "" if sys.stdin is None else read_line().strip()
        if not code:
            raise CliError("standard input has no code", USAGE)
    return AuthorizationCode(client_id, client_secret, _validate("code", code or ""))


def _validate(label: str, value: str) -> str:
    if not is_token(value):
        raise CliError(f"a {label} is one or more visible ASCII characters", USAGE)
    return value


def _strip(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
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
The client is CLIQ_CLIENT_ID and CLIQ_CLIENT_SECRET, else a prompt.
Others can see the options of a running program, so do not pass secrets there.
""",
    ),
)
@click.option(
    "--client-id", metavar="ID", help="The client id, else CLIQ_CLIENT_ID, else a prompt."
)
@click.option(
    "--client-secret",
    metavar="SECRET",
    callback=_strip,
    help="The client secret, else CLIQ_CLIENT_SECRET, else a prompt.",
)
@click.option(
    "--code",
    metavar="CODE",
    callback=_strip,
    help="The code, else a prompt; - reads standard input.",
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
    help="Where to store secrets: by default in the system's keyring if it can be used, else in a "
    "file.",
)
@server_options
def login(
    *,
    client_id: str | None,
    client_secret: str | None,
    code: str | None,
    accounts_url: str | None,
    store: Store,
    server: ServerOptions,
) -> None:
    """Exchange a self client's code for a refresh token, and store it in a profile.

    Commands use it with the same --profile, or by default if none is given. The code works once,
    and only for the minutes that were chosen for it.
    """
    given: dict[str, Any] = server.given() | {"accounts_url": accounts_url}
    resolved = resolve(given, profile=server.profile, logging_in=True)
    name = profile_name(server.profile)
    profiles = ProfileStore()
    profiles.check_writable()  # before the code is spent
    url = _accounts_url(resolved)
    login = _Login(resolved, name, url, profiles, profiles.profiles(), _keyring(store))
    if is_terminal() and code is None:
        _print_instructions(url)
    authorization = _authorization_code(
        client_id or _variable(_CLIENT_ID), client_secret or _variable(_CLIENT_SECRET), code
    )
    before = login.known.get(name)
    profile = asyncio.run(login.run(authorization))
    if before is not None and before.keyring is not None and profile.keyring is None:
        _delete_former_secrets(before.keyring, name)
    where = profile.base_url or f"data center {profile.data_center}"
    echo(f"logged in: profile {name}, {where}, account {clean(profile.account)}")
    place = clean(profile.keyring) if profile.keyring else f"{profiles.path}, readable by you alone"
    echo(f"secrets are in {place}")
    if before is not None:
        echo_err(
            "the former refresh token is still valid: remove it under Connected Apps of the account"
        )
    _print_usage_hint(name)


def _print_usage_hint(name: str) -> None:
    """Print how to use the profile, if commands do not use it by default."""
    first = resolve({}).credentials
    if first is None or first.profile not in (None, name):
        echo_err(f"use it with --profile {name}, or CLIQ_PROFILE={name}")
    elif first.profile is None:
        echo_err(f"warning: {first.source} takes precedence: unset it, or pass --profile {name}")


def _delete_former_secrets(keyring: str, name: str) -> None:
    backend = find_keyring()
    try:
        if backend is not None:
            backend.delete(name)
            return
    except CliError:
        pass
    echo_err(f"warning: the former secrets of profile {name!r} are still in {clean(keyring)}")
