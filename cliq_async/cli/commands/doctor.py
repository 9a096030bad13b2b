"""`cliq doctor`: check the setup, and print what is wrong and how to fix it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import attrs
import click

from cliq_async.cli.diagnostics.checks import Doctor, versions
from cliq_async.cli.diagnostics.connectivity import ObservingTransport
from cliq_async.cli.diagnostics.result import OK, UNCHECKED, WRONG, Check
from cliq_async.cli.errors import FAILED, CliError, describe
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    max_wait_option,
)
from cliq_async.cli.outputs.console import echo, echo_json, echo_prose
from cliq_async.cli.required_scopes import parse_commands
from cliq_async.cli.text import clean, plural, verbatim
from cliq_async.errors import CliqError

__all__ = ["doctor"]

_INDENT: Final = 13


@click.command(
    short_help="Check settings, servers, token and quota.",
    epilog=verbatim(
        """
Examples:
  cliq doctor
  cliq doctor send broadcast
  cliq doctor --profile work --json
"""
    ),
)
@click.argument("commands", metavar="[COMMAND]...", nargs=-1)
@max_wait_option
@json_option
@connection_options
def doctor(
    *, commands: tuple[str, ...], max_wait: float, as_json: bool, connection: ConnectionOptions
) -> None:
    """Check what COMMANDs need, or all commands, and print what is wrong and how to fix it.

    Only reads. Uses one request of the quota, and an access token if none is cached. A check that
    would have to change something is `not checked`. Ends with 0 if nothing is wrong, else 1.
    """
    names = parse_commands(commands)
    checks = asyncio.run(_collect(connection, names, max_wait, quiet=as_json))
    wrong = sum(check.status == WRONG for check in checks)
    if as_json:
        echo_json({"ok": not wrong, "checks": [attrs.asdict(check) for check in checks]})
    else:
        echo()
        echo(f"{plural(wrong, 'check')} failed" if wrong else "no problems found")
    if wrong:
        raise click.exceptions.Exit(FAILED)


async def _collect(
    connection: ConnectionOptions, named: Sequence[str], max_wait_s: float, *, quiet: bool
) -> list[Check]:
    """Run the checks, and show each; those that could not be made without a token are one line."""
    checks: list[Check] = []
    skipped = 0
    async for check in _checks(connection, named, max_wait_s):
        checks.append(check)
        if check.status == UNCHECKED and (skipped or check.name == "token"):
            skipped += 1
        elif not quiet:
            _show(check)
    if skipped and not quiet:
        no_credentials = any(c.name == "credentials" and c.status == WRONG for c in checks)
        needed = "credentials" if no_credentials else "the checks that failed"
        more = f"{plural(skipped, 'more check')}: they need {needed}"
        echo_prose(f"{UNCHECKED:<11}  {more}", _INDENT)
    return checks


async def _checks(
    connection: ConnectionOptions, named: Sequence[str], max_wait_s: float
) -> AsyncIterator[Check]:
    yield versions()
    observer = None
    try:
        resolved = connection.resolve()
        observer = ObservingTransport(resolved.transport())
        diagnosis = Doctor(resolved, commands=named, max_wait_s=max_wait_s, observer=observer)
        files = ", ".join(str(path) for path in resolved.files)
        yield Check("settings", OK, clean(files or "no cliq.toml") + "; `cliq config` shows all")
        async for check in diagnosis.checks():
            yield check
    except (CliError, CliqError) as error:
        yield Check(
            "settings",
            WRONG,
            describe(error),
            "fix this first; the remaining checks depend on it",
        )
    finally:
        if observer is not None:
            await observer.close()


def _show(check: Check) -> None:
    echo_prose(f"{check.status:<11}  {check.name}: {check.said}", _INDENT)
    if check.advice:
        echo_prose(f"{'':<11}  fix: {check.advice}", _INDENT)
