"""`cliq auth`: log in, show the login, log out, and list scopes."""

import asyncio
from typing import Any

import click

from cliq_async.auth.credentials import RefreshToken
from cliq_async.cli.commands.auth_login import login, open_accounts_client
from cliq_async.cli.commands.auth_scopes import scopes
from cliq_async.cli.diagnostics.token import obtain_token
from cliq_async.cli.errors import FAILED, PARTLY, USAGE, CliError, describe
from cliq_async.cli.group import Group
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    seconds,
)
from cliq_async.cli.outputs.console import echo, echo_err, echo_json, table
from cliq_async.cli.settings.credentials import load_secrets
from cliq_async.cli.settings.keyring import find_keyring
from cliq_async.cli.settings.profiles import Profile, ProfileStore
from cliq_async.cli.settings.resolution import ResolvedSettings, profile_name, resolve
from cliq_async.cli.text import clean, verbatim
from cliq_async.cli.verbosity import verbose_option
from cliq_async.errors import AuthError, CliqError, QuotaStoreError, QuotaWaitError

__all__ = ["auth"]


@click.group(
    cls=Group,
    short_help="Log in, show the login, log out, and list scopes.",
)
def auth() -> None:
    """Log in to an account, show the login, log out, and list scopes."""


auth.add_command(login)


@auth.command(
    short_help="Show the credentials in use, and check them.",
    epilog=verbatim(
        """
Examples:
  cliq auth status
  cliq auth status --profile work --json
"""
    ),
)
@click.option(
    "--max-wait",
    type=seconds,
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="The longest wait before the accounts server is asked, or asked again.",
)
@json_option
@connection_options
def status(*, max_wait: float, as_json: bool, connection: ConnectionOptions) -> None:
    """Show the credentials in use, where they are stored, and whether an access token is available.

    Ends with 1 if none is. No secret is shown.
    """
    resolved = connection.resolve()
    problem = asyncio.run(_token_problem(resolved, max_wait))
    status = _status(resolved, problem)
    if as_json:
        echo_json(status)
    else:
        rows = [(name.replace("_", " "), _text(value)) for name, value in status.items()]
        table([row for row in rows if row[1]], free=(1,))
    if problem is not None:
        raise click.exceptions.Exit(FAILED)


async def _token_problem(resolved: ResolvedSettings, max_wait_s: float) -> str | None:
    """Return why no access token can be obtained; None if one can."""
    transport = resolved.transport()
    try:
        await obtain_token(resolved, transport, max_wait_s)
    except (CliError, CliqError) as error:
        return describe(error)
    finally:
        await transport.close()
    return None


def _status(resolved: ResolvedSettings, problem: str | None) -> dict[str, Any]:
    credentials, profile = resolved.credentials, resolved.profile
    settings = resolved.validated()
    login = None if credentials is None else credentials.login
    store = ProfileStore()
    fixed = credentials is not None and credentials.fixed
    good = "given; `cliq doctor` checks it" if fixed else "available"
    return {
        "profile": None if profile is None else profile.value,
        "credentials": credentials and f"{credentials.kind} of {credentials.source}",
        "client_id": credentials and credentials.client_id,
        "data_center": None if settings.base_url else settings.data_center,
        "server": settings.root_url,
        "accounts_server": None if fixed else resolved.accounts_url,
        "account": settings.account,
        "scopes": list(login.scopes) if login else [],
        "stored_in": login and (login.keyring or str(store.path)),
        "token": good if problem is None else problem,
        "token_ok": problem is None,
        "other_profiles": [
            name for name in store.profiles() if profile is None or name != profile.value
        ],
    }


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return clean(", ".join(value) if isinstance(value, list) else value, 2000)


@auth.command(
    short_help="Remove a profile, and revoke its refresh token.",
    epilog=verbatim(
        """
Examples:
  cliq auth logout
  cliq auth logout --profile work
"""
    ),
)
@click.option("--profile", metavar="NAME", help="The profile, else CLIQ_PROFILE, else default.")
@click.option("--no-revoke", is_flag=True, help="Leave the refresh token valid at Zoho.")
@verbose_option
def logout(*, profile: str | None, no_revoke: bool) -> None:
    """Remove a profile, and revoke its refresh token, which stops all programs that use it.

    Ends with 4 if the profile was removed but the token could not be revoked.
    """
    name = profile_name(profile)
    store = ProfileStore()
    login = store.profiles().get(name)
    if login is None:
        others = ", ".join(store.profiles())
        hint = f"; the profiles are: {others}" if others else ""
        raise CliError(f"profile {name!r} is not logged in{hint}", USAGE)
    resolved = resolve({}, profile=name)
    problem = asyncio.run(_revoke(resolved, name, login, revoke=not no_revoke))
    _delete_secrets(name, login)
    store.remove(name)
    echo(f"logged out: profile {name}")
    if no_revoke:
        echo_err(f"its refresh token is still valid at {login.accounts_url}")
    elif problem is None:
        echo(f"its refresh token was revoked at {login.accounts_url}")
    else:
        echo_err(f"warning: its refresh token was not revoked: {problem}")
        echo_err("it stays valid until you remove it under Connected Apps of the Zoho account")
        raise click.exceptions.Exit(PARTLY)


async def _revoke(
    resolved: ResolvedSettings, name: str, login: Profile, *, revoke: bool
) -> str | None:
    """Revoke the refresh token, and drop the access token. Returns the problem, or None."""
    try:
        secrets = load_secrets(name, login)
        credentials = RefreshToken(login.client_id, secrets.client_secret, secrets.refresh_token)
        async with open_accounts_client(resolved, login.accounts_url) as accounts:
            if revoke:
                await accounts.revoke(credentials)
            await accounts.drop_cached_token(credentials)
    except (CliError, AuthError, QuotaStoreError, QuotaWaitError) as error:
        return describe(error)
    return None


def _delete_secrets(name: str, login: Profile) -> None:
    if login.keyring is None:
        return
    keyring = find_keyring()
    if keyring is None:
        raise CliError(
            f"the secrets of profile {name!r} are in {login.keyring}, which cannot be used here: "
            "log out where it can be used"
        )
    keyring.delete(name)


auth.add_command(logout)
auth.add_command(scopes)
