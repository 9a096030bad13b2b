"""`cliq sandbox`: run a local Cliq until Ctrl-C, or while a command runs."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cliq_async.cli.commands.sandbox_run import run_with_sandbox
from cliq_async.cli.errors import USAGE, CliError, in_cli_words
from cliq_async.cli.options import seconds
from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.text import plural, verbatim
from cliq_async.cli.verbosity import verbose_option
from cliq_async.sandbox import Sandbox, serve
from cliq_async.sandbox.algorithms import ALGORITHMS
from cliq_async.sandbox.dialect import DIALECTS
from cliq_async.sandbox.faults import ACCOUNTS, ACCOUNTS_KINDS, EVENT_KINDS, KINDS, NO_RECIPIENT
from cliq_async.sandbox.state.state_file import StateFileError

if TYPE_CHECKING:
    from cliq_async.cli.commands.sandbox_bot import BotHost

__all__ = ["sandbox"]


_PORT: Final = 8080


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=verbatim(
        """
Examples:
  cliq sandbox
  cliq sandbox -- cliq send supportbot "Hello!" --to 55743307
  cliq sandbox --time-scale 60 -- pytest
  cliq sandbox --port 0 --time-scale 60 --subscribers 20000
  cliq sandbox --fault lost:0.01@send_message --fault 502:0.05
  cliq sandbox --state cliq.json
  cliq sandbox --bot bot:bot
"""
    ),
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The port; 0 for any free one, the default with COMMAND; else {_PORT}.",
)
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help=(
        "A name or address by which other machines reach the sandbox; requests for hosts but this "
        "machine and those named are refused. Can be repeated."
    ),
)
@click.option(
    "--algorithm",
    type=click.Choice(list(ALGORITHMS)),
    default="rolling",
    help="The algorithm that counts requests.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1,
    metavar="FACTOR",
    help="60 makes a minute pass in a second.",
)
@click.option("--latency-s", type=seconds, default=0, help="The duration of a request.")
@click.option(
    "--jitter-s", type=seconds, default=0, help="The mean of a random addition to the duration."
)
@click.option("--seed", type=int, default=0, help="The seed of everything random.")
@click.option(
    "--bots",
    type=click.IntRange(1),
    default=1,
    help="The number of bots; the first one is supportbot.",
)
@click.option(
    "--subscribers",
    type=click.IntRange(0),
    default=100,
    help="The number of subscribers of each bot.",
)
@click.option(
    "--token-life-s",
    type=click.FloatRange(min=0, min_open=True),
    default=3600,
    help="The lifetime of the access tokens that it issues.",
)
@click.option(
    "--scopes",
    metavar="SCOPE,...",
    help="The OAuth scopes of all access tokens; all of them by default.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Load the state from FILE if it exists, and save it there.",
)
@click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default="seed",
    help="The API as documented, or as the live service was observed to differ.",
)
@click.option(
    "--allow-unknown",
    is_flag=True,
    help="Accept messages and calls with keys that the documents do not name.",
)
@click.option("--penalize", is_flag=True, help="Restart a lock on every request during it.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND:RATE[@ENDPOINT]",
    help=(
        f"A fault to inject: {', '.join(KINDS)}; @send_message, {NO_RECIPIENT}, too; "
        f"@{ACCOUNTS}: {', '.join(ACCOUNTS_KINDS)}; "
        f"of events, perhaps @HANDLER: {', '.join(EVENT_KINDS)}. "
        "xN instead of a rate means the first N requests. Can be repeated."
    ),
)
@click.option(
    "--event-wait-s",
    type=click.FloatRange(min=0, min_open=True),
    default=15,
    help="How long it waits for a webhook bot's answer, in its time.",
)
@click.option(
    "--allow-remote", is_flag=True, help="Send events to webhook bots on other machines, too."
)
@click.option(
    "--bot",
    metavar="MODULE:NAME",
    help=(
        "Run this WebhookBot of the current folder, too, and reload it after each change: as the "
        "bot that cliq.toml has for it, else as supportbot."
    ),
)
@verbose_option
def sandbox(*, command: tuple[str, ...], port: int | None, bot: str | None, **options: Any) -> None:
    """Run a local Cliq that counts and locks, and shows a page.

    Each access token is a user of its own; the token `invalid` is refused. Ctrl-C stops it.

    With COMMAND, it stops when the command exits, with the same exit status. All programs that
    COMMAND starts find the sandbox through their environment and share a new quota. They get no
    other variables whose names begin with CLIQ_.
    """
    if port is None:
        port = 0 if command else _PORT
    server = _server(port=port, **options)
    host = None if bot is None else _bot_host(server, bot, options)

    def ready(url: str) -> None:
        echo(f"listening on {url}")
        echo(f"export CLIQ_BASE_URL={url}")
        echo("export CLIQ_ACCESS_TOKEN=anything")
        echo(f"export CLIQ_TIME_SCALE={options['time_scale']:g}")
        if (key := _public_key(server)) is not None:
            echo(f"export CLIQ_PUBLIC_KEY={key}")
        if host is not None:
            echo(f'{bot} runs as {host.name}; write to it: cliq user say {host.name} "hi"')
        echo(f"open {url}/ in a browser")

    async def run() -> int:
        if command:
            return await run_with_sandbox(
                server,
                command,
                time_scale=options["time_scale"],
                companion=host,
                find_key=lambda: _public_key(server),
            )
        await serve(server, ready=ready, companion=host)
        return 0

    try:
        status = asyncio.run(run())
    except OSError as error:
        if error.filename is not None:
            raise _state_error(error) from None
        where = f"{options['host']}:{port}"
        # asyncio replaces the message of the system with its own.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        hint = "; pass another --port" if number == errno.EADDRINUSE else ""
        raise CliError(f"cannot listen on {where}: {reason or error}{hint}") from None
    _print(server.report(), echo_err if command else echo)
    click.get_current_context().exit(status)


_OPTIONS: Final = {"faults": "--fault", "hosts": "--allow-host"}
"""The options with other names than the sandbox's."""


def _server(**options: Any) -> Sandbox:
    try:
        return Sandbox(**options)
    except StateFileError as error:
        raise CliError(str(error), USAGE) from None
    except ValueError as error:
        name, _, problem = str(error).partition(": ")
        option = _OPTIONS.get(name, "--" + name.replace("_", "-"))
        raise click.UsageError(f"{option}: {in_cli_words(problem)}") from None
    except OSError as error:
        raise _state_error(error) from None


def _bot_host(server: Sandbox, bot: str, options: dict[str, Any]) -> "BotHost":
    from cliq_async.cli.commands.sandbox_bot import BotHost  # noqa: PLC0415 - for --bot alone

    wait_s, scale = options["event_wait_s"], options["time_scale"]
    return BotHost(server, bot, Path.cwd(), wait_s=wait_s, time_scale=scale)


def _public_key(server: Sandbox) -> str | None:
    """Return the key that webhook bots need; None without such bots."""
    if not server.webhook_bots:
        return None
    try:
        return server.public_key
    except RuntimeError as error:
        echo_err(f"warning: {error}")
        return None


def _print(report: dict[str, Any], print_line: Callable[[str], None]) -> None:
    counts = [
        plural(sum(report["requests"].values()), "request"),
        plural(len(report["lockouts"]), "lockout"),
    ]
    if reached := report["delivered"]["recipients"]:
        counts.append(f"delivered to {plural(reached, 'recipient')}")
    print_line(", ".join(counts))
    for name, count in sorted(report["requests"].items()):
        print_line(f"  {name} {count:,}")


def _state_error(error: OSError) -> CliError:
    return CliError(f"cannot save the state in {error.filename}: {error.strerror}")
