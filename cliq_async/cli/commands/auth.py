"""`cliq auth`: log in, look, log out, and which scopes are needed."""

import asyncio
from typing import Any

import click

from cliq_async.auth.credentials import RefreshToken
from cliq_async.cli.commands.auth_login import accounts_server, login
from cliq_async.cli.commands.auth_scopes import scopes
from cliq_async.cli.diagnostics.token import have_token
from cliq_async.cli.errors import FAILED, PARTLY, USAGE, CliError
from cliq_async.cli.group import Group
from cliq_async.cli.options import ConnectionOptions, as_json, connection, max_wait
from cliq_async.cli.outputs.console import echo, echo_err, echo_json, table
from cliq_async.cli.settings.credentials import secrets_of
from cliq_async.cli.settings.keyring import find_keyring
from cliq_async.cli.settings.profiles import Profile, ProfileStore
from cliq_async.cli.settings.resolution import ResolvedSettings, profile_name, resolve
from cliq_async.cli.text import clean, verbatim
from cliq_async.cli.verbosity import verbose
from cliq_async.errors import AuthError, CliqError, QuotaStoreError, QuotaWaitError
from cliq_async.transport.aiohttp import AiohttpTransport

__all__ = ["auth"]


@click.group(
    cls=Group,
    short_help="Log in, look as whom, log out, and see which scopes are needed.",
)
def auth() -> None:
    """Log in to an account, see as whom, and log out."""


auth.add_command(login)


@auth.command(
    short_help="Show as whom commands run, and whether a token can be had.",
    epilog=verbatim(
        """
Examples:
  cliq auth status
  cliq auth status --profile work --json
"""
    ),
)
@max_wait
@as_json
@connection
def status(*, max_wait: float, as_json: bool, connection: ConnectionOptions) -> None:
    """Show as whom commands run, where that is kept, and whether an access token can be had.

    Ends with 1 if none can. No secret is shown.
    """
    effective = connection.effective()
    problem = asyncio.run(_problem(effective, max_wait))
    told = _told(effective, problem)
    if as_json:
        echo_json(told)
    else:
        rows = [(name.replace("_", " "), _shown(value)) for name, value in told.items()]
        table([row for row in rows if row[1]])
    if problem is not None:
        raise click.exceptions.Exit(FAILED)


async def _problem(effective: ResolvedSettings, max_wait_s: float) -> str | None:
    """Why no access token can be had; None if one can."""
    transport = AiohttpTransport()
    try:
        await have_token(effective, transport, max_wait_s)
    except (CliError, CliqError) as error:
        return clean(error)
    finally:
        await transport.close()
    return None


def _told(effective: ResolvedSettings, problem: str | None) -> dict[str, Any]:
    credentials, profile = effective.credentials, effective.profile
    settings = effective.checked()
    login = None if credentials is None else credentials.login
    book = ProfileStore()
    fixed = credentials is not None and credentials.kind == "access token"
    good = "given; `cliq doctor` asks Cliq whether it is good" if fixed else "can be had"
    return {
        "profile": None if profile is None else profile.value,
        "credentials": credentials and f"{credentials.kind} of {credentials.source}",
        "client_id": credentials and credentials.client_id,
        "data_center": None if settings.base_url else settings.data_center,
        "server": settings.root_url,
        "accounts_server": None if fixed else effective.accounts_url,
        "account": settings.account,
        "scopes": list(login.scopes) if login else [],
        "stored_in": login and (login.keyring or str(book.path)),
        "token": good if problem is None else problem,
        "token_ok": problem is None,
        "other_profiles": [
            name for name in book.profiles() if profile is None or name != profile.value
        ],
    }


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return clean(", ".join(value) if isinstance(value, list) else value, 2000)


@auth.command(
    short_help="Forget a profile, and have its refresh token revoked.",
    epilog=verbatim(
        """
Examples:
  cliq auth logout
  cliq auth logout --profile work
"""
    ),
)
@click.option("--profile", metavar="NAME", help="Else CLIQ_PROFILE, else default.")
@click.option("--no-revoke", is_flag=True, help="Leave the refresh token good at Zoho.")
@verbose
def logout(*, profile: str | None, no_revoke: bool) -> None:
    """Forget a profile, and have its refresh token revoked, for all who use it.

    Ends with 4 if it was forgotten but could not be revoked.
    """
    name = profile_name(profile)
    book = ProfileStore()
    known = book.profiles().get(name)
    if known is None:
        others = ", ".join(book.profiles())
        hint = f"; there are {others}" if others else ""
        raise CliError(f"profile {name!r} is not logged in{hint}", USAGE)
    effective = resolve({}, profile=name)
    problem = asyncio.run(_end(effective, name, known, revoke=not no_revoke))
    _forget_secrets(name, known)
    book.remove(name)
    echo(f"logged out: profile {name}")
    if no_revoke:
        echo_err(f"its refresh token is still good at {known.accounts_url}")
    elif problem is None:
        echo(f"its refresh token was revoked at {known.accounts_url}")
    else:
        echo_err(f"warning: its refresh token was not revoked: {problem}")
        echo_err("until it is removed under connected apps of the Zoho account, it stays good")
        raise click.exceptions.Exit(PARTLY)


async def _end(
    effective: ResolvedSettings, name: str, known: Profile, *, revoke: bool
) -> str | None:
    """Forget the access token, and revoke the refresh token; why not, if not."""
    try:
        secrets = secrets_of(name, known)
        credentials = RefreshToken(known.client_id, secrets.client_secret, secrets.refresh_token)
        async with accounts_server(effective, known.accounts_url) as accounts:
            if revoke:
                await accounts.revoke(credentials)
            await accounts.drop_cached_token(credentials)
    except (CliError, AuthError, QuotaStoreError, QuotaWaitError) as error:
        return clean(error)
    return None


def _forget_secrets(name: str, known: Profile) -> None:
    if known.keyring is None:
        return
    keyring = find_keyring()
    if keyring is None:
        raise CliError(
            f"the secrets of profile {name!r} are in {known.keyring}, which cannot be used here"
        )
    keyring.delete(name)


auth.add_command(logout)
auth.add_command(scopes)
