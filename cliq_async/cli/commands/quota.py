"""`cliq quota`: show what is free and what is locked, or clear it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import click
from click.core import ParameterSource
from rich.console import RenderableType
from rich.text import Text

from cliq_async.cli.group import Group
from cliq_async.cli.options import ServerOptions, json_option, server_options, yes_option
from cliq_async.cli.outputs import console as output
from cliq_async.cli.outputs.console import echo, echo_err, echo_json, echo_prose, live, table
from cliq_async.cli.outputs.streams import stdout_failed
from cliq_async.cli.outputs.tables import TableLayout
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, duration, moment, verbatim
from cliq_async.errors import CliqError
from cliq_async.quota.model import Quota
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.registry import lease

__all__ = ["quota"]

_HEADER: Final = ("endpoint", "allowed", "free", "waiting", "next request")
_RIGHT: Final = (1, 2, 3)

Statuses = dict[str, QuotaStatus]


@attrs.frozen
class _AccountQuota:
    """The quota of an account in its store."""

    store: QuotaStore
    quotas: list[Quota]

    async def statuses(self) -> Statuses:
        snapshots = await self.store.snapshots(self.quotas)
        return {
            quota.endpoint: QuotaStatus.of(snapshot, snapshot.waiting, self.store.clock)
            for quota, snapshot in zip(self.quotas, snapshots, strict=True)
        }


@asynccontextmanager
async def _open_quota(server: ServerOptions) -> AsyncIterator[_AccountQuota]:
    quotas = _quotas(server)  # first, to report options that are not valid
    store = server.resolve().store()
    if isinstance(store, MemoryStore):
        echo_err("warning: memory:// is not shared: it does not count requests of other processes")
    async with lease(store):
        yield _AccountQuota(store, quotas)


def _quotas(server: ServerOptions) -> list[Quota]:
    return list(server.resolve().validated().quotas().values())


@click.group(
    cls=Group,
    invoke_without_command=True,
    short_help="Show what the quota allows, or clear it.",
    epilog=verbatim(
        """
Examples:
  cliq quota
  cliq quota --watch
  cliq quota --json
  cliq quota clear
"""
    ),
)
@json_option
@click.option("--watch", is_flag=True, help="Update the display until Ctrl-C.")
@click.option("--all", "every", is_flag=True, help="Show unused endpoints too; --json always does.")
@server_options
@click.pass_context
def quota(
    ctx: click.Context, *, as_json: bool, watch: bool, every: bool, server: ServerOptions
) -> None:
    """Show what the quota of an account allows, endpoint by endpoint.

    Reads the quota store, not Cliq: no credentials are needed, and a program's own limits= are not
    known. `allowed` is the threshold of a window, or "24 of 30" if fewer are used since Cliq locked
    unexpectedly; `free` is how many requests can be sent now; `waiting` counts the calls that wait,
    in all programs; where a program has interactive calls and batches, it counts the former.

    --watch keeps a table up to date. Where the output is not a terminal, it prints a line whenever
    something changes.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options_before_subcommand(ctx)
        return
    if as_json and watch:
        raise click.UsageError("give either --json or --watch")
    if watch:
        with suppress(KeyboardInterrupt):  # the regular end of a watch
            asyncio.run(_watch(server, every=every))
        return
    statuses = asyncio.run(_statuses(server))
    if not as_json and output.is_terminal():
        echo_prose(_title(server))
    if as_json:
        echo_json({name: _to_dict(status) for name, status in statuses.items()})
    elif rows := _rows(statuses, every=every):
        table(rows, header=_HEADER, right=_RIGHT)
    else:
        echo(_line(statuses))


@quota.command(
    short_help="Clear the quota, so that it counts as unused.",
    epilog=verbatim(
        """
Examples:
  cliq quota clear
  cliq quota clear --yes --account anna
"""
    ),
)
@yes_option
@server_options
def clear(*, yes: bool, server: ServerOptions) -> None:
    """Clear the requests, locks and learned limits of all endpoints of an account.

    The quota then counts as unused. If requests were sent in the last minutes, the next ones can
    be too many, and Cliq locks. A lock by Cliq itself stays. Use this after a sandbox was
    restarted.

    Asks for confirmation unless --yes is given; any answer other than yes ends with exit 1.
    """
    owner = clean(_quotas(server)[0].owner)
    if not yes:
        require_terminal("clear the quota")
        echo_err(
            "warning: the quota then counts as unused: if requests were sent in the last minutes, "
            "Cliq can lock"
        )
        confirm(f"Clear the quota of {owner}?", "not cleared")
    asyncio.run(_clear(server))
    echo(f"cleared: {owner}")


def _refuse_options_before_subcommand(ctx: click.Context) -> None:
    """Refuse options before the subcommand, which would not apply to it."""
    for name in ctx.params:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"put options after '{ctx.invoked_subcommand}'")


async def _statuses(server: ServerOptions) -> Statuses:
    async with _open_quota(server) as kept:
        return await kept.statuses()


async def _clear(server: ServerOptions) -> None:
    async with _open_quota(server) as kept:
        await kept.store.clear(kept.quotas)


async def _watch(server: ServerOptions, *, every: bool) -> None:
    """Show the quota until Ctrl-C or the end of a pipe: on a terminal as a table, else as lines."""
    async with _open_quota(server) as kept:
        if not (output.is_live() and output.is_terminal()):
            printed = ""
            while not stdout_failed():
                if (line := _line(await kept.statuses(), exact=True)) != printed:
                    printed = line
                    echo(f"{datetime.now():%H:%M:%S} {line}")  # noqa: DTZ005 - the local time
                await asyncio.sleep(output.PLAIN_EVERY_S)
            return
        statuses = await kept.statuses()
        echo_prose(_title(server))
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def look() -> None:
            nonlocal statuses
            try:
                statuses = await kept.statuses()
            except CliqError as error:
                if not failed.done():
                    failed.set_exception(error)

        def show() -> RenderableType:
            rows = _rows(statuses, every=every)
            return TableLayout(rows, _HEADER, _RIGHT) if rows else Text(_line(statuses))

        async with live(show, lambda: _line(statuses), before=look):
            await failed


def _title(server: ServerOptions) -> str:
    """Return the server and the account of the quota, and the time scale if there is one."""
    settings, owner = server.resolve().validated(), clean(_quotas(server)[0].owner)
    scale = f", time scale {settings.time_scale:g}" if settings.time_scale != 1 else ""
    return f"quota of {owner}{scale}"


def _used(status: QuotaStatus) -> bool:
    return status.free < status.threshold or status.waiting > 0


def _rows(statuses: Statuses, *, every: bool) -> list[tuple[str, ...]]:
    return [
        (
            name,
            str(status.threshold)
            if status.capacity == status.threshold
            else f"{status.capacity} of {status.threshold}",
            str(status.free),
            str(status.waiting or ""),
            _next(status),
        )
        for name, status in statuses.items()
        if every or _used(status)
    ]


def _line(statuses: Statuses, *, exact: bool = False) -> str:
    """Return a line; if `exact`, with moments in place of times left, so that it does not age."""
    parts = [
        f"{name} {_short(status, exact=exact)}"
        for name, status in statuses.items()
        if _used(status)
    ]
    return "; ".join(parts) or f"nothing spent, nothing locked ({len(statuses)} endpoints)"


def _short(status: QuotaStatus, *, exact: bool) -> str:
    if at := status.locked_until:
        text = f"locked until {_clock_time(at)}" if exact else f"locked for {_left(at)}"
    else:
        text = f"{status.free}/{status.capacity} free"
        if following := status.next_token_at:
            text += (
                f", next at {_clock_time(following)}" if exact else f", next in {_left(following)}"
            )
    return text + (f", {status.waiting:,} waiting" if status.waiting else "")


def _next(status: QuotaStatus) -> str:
    at = status.locked_until or status.next_token_at
    if at is None:
        return ""
    return ("locked until " if status.locked_until else "") + moment(at)


def _clock_time(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def _left(at: datetime) -> str:
    return duration(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _to_dict(status: QuotaStatus) -> dict[str, Any]:
    return {
        name: value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
        for name, value in attrs.asdict(status).items()
    }
