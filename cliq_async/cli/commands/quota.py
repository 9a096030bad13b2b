"""`cliq quota`: what is free, what is locked, and a fresh start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import click
from click.core import ParameterSource
from rich.console import RenderableType
from rich.text import Text

from cliq_async.cli.group import Group
from cliq_async.cli.options import ServerOptions, as_json, server, yes
from cliq_async.cli.outputs import console as output
from cliq_async.cli.outputs.console import boxed, echo, echo_err, echo_json, live, table
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, duration, verbatim
from cliq_async.config import Settings
from cliq_async.errors import CliqError
from cliq_async.quota.model import Quota
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.registry import lease, open_store

__all__ = ["quota"]

_HEADER: Final = (
    "endpoint",
    "threshold",
    "in use",
    "free",
    "next token",
    "locked until",
    "waiting",
)
_RIGHT: Final = (1, 2, 3, 6)

Statuses = dict[str, QuotaStatus]


@attrs.frozen
class _Kept:
    """The quota of an account, where it is kept."""

    store: QuotaStore
    quotas: list[Quota]

    async def look(self) -> Statuses:
        snapshots = await self.store.snapshots(self.quotas)
        return {
            quota.endpoint: QuotaStatus.of(snapshot, snapshot.waiting, self.store.clock)
            for quota, snapshot in zip(self.quotas, snapshots, strict=True)
        }


@asynccontextmanager
async def _kept(server: ServerOptions) -> AsyncIterator[_Kept]:
    quotas = _quotas(server)  # first: it says what is wrong with the options
    store = open_store(server.options().get("quota"))
    if isinstance(store, MemoryStore):
        echo_err("memory:// is each process's own: what others have sent is not in it")
    async with lease(store):
        yield _Kept(store, quotas)


def _quotas(server: ServerOptions) -> list[Quota]:
    options = {name: value for name, value in server.options().items() if name != "quota"}
    return list(Settings(**options).quotas().values())


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
@as_json
@click.option("--watch", is_flag=True, help="Keep it up to date until Ctrl-C.")
@click.option("--all", "every", is_flag=True, help="Unused endpoints too, which --json always has.")
@server
@click.pass_context
def quota(
    ctx: click.Context, *, as_json: bool, watch: bool, every: bool, server: ServerOptions
) -> None:
    """Show what the quota of an account allows, endpoint by endpoint.

    Asks the place where the quota is kept, and not Cliq: no credentials are needed, and a
    program's own limits= are not known. `in use` is how much of a threshold is used, where a lock
    has taught to use less; `waiting` counts the programs in which callers wait, batches apart.
    """
    if ctx.invoked_subcommand is not None:
        _check_order(ctx)
        return
    if as_json and watch:
        raise click.UsageError("--json and --watch exclude each other")
    if watch:
        try:
            asyncio.run(_watch(server, every=every))
        except KeyboardInterrupt:
            return  # that is how a watch ends
    statuses = asyncio.run(_look(server))
    if as_json:
        echo_json({name: _plain(status) for name, status in statuses.items()})
    elif rows := _rows(statuses, every=every):
        table(rows, header=_HEADER, right=_RIGHT)
    else:
        echo(_line(statuses))


@quota.command(
    short_help="Have it count as unused.",
    epilog=verbatim(
        """
Examples:
  cliq quota clear
  cliq quota clear --yes --account anna
"""
    ),
)
@yes
@server
def clear(*, yes: bool, server: ServerOptions) -> None:
    """Forget what was spent, locked and learned, on all endpoints of an account.

    The quota then counts as unused. Where requests were sent in the last minutes, the next ones
    can be too many, and Cliq locks; a lock that stands at Cliq is not lifted by it. It is for a
    sandbox that was started anew.

    Asks first, unless there is --yes; any answer but yes ends with exit 1.
    """
    owner = clean(_quotas(server)[0].owner)
    if not yes:
        require_terminal("clear the quota")
        echo_err(
            "The quota then counts as unused: if requests were sent in the last minutes, "
            "Cliq can lock."
        )
        confirm(f"Clear the quota of {owner}?", "not cleared")
    asyncio.run(_clear(server))
    echo(f"cleared: {owner}")


def _check_order(ctx: click.Context) -> None:
    """An option before the subcommand would be lost, and with it whose quota was meant."""
    for name in ctx.params:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"options go behind '{ctx.invoked_subcommand}'")


async def _look(server: ServerOptions) -> Statuses:
    async with _kept(server) as kept:
        return await kept.look()


async def _clear(server: ServerOptions) -> None:
    async with _kept(server) as kept:
        await kept.store.clear(kept.quotas)


async def _watch(server: ServerOptions, *, every: bool) -> None:
    """Show it for ever: on a terminal as a table, elsewhere as a line now and then."""
    async with _kept(server) as kept:
        statuses = await kept.look()
        if not (output.is_live() and output.is_terminal()):
            while True:
                echo(_line(statuses))
                await asyncio.sleep(output.PLAIN_EVERY_S)
                statuses = await kept.look()
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def look() -> None:
            nonlocal statuses
            try:
                statuses = await kept.look()
            except CliqError as error:
                if not failed.done():
                    failed.set_exception(error)

        def show() -> RenderableType:
            rows = _rows(statuses, every=every)
            return boxed(rows, _HEADER, _RIGHT) if rows else Text(_line(statuses))

        async with live(show, lambda: _line(statuses), before=look):
            await failed


def _used(status: QuotaStatus) -> bool:
    return status.free < status.threshold or status.waiting > 0


def _rows(statuses: Statuses, *, every: bool) -> list[tuple[str, ...]]:
    return [
        (
            name,
            str(status.threshold),
            "" if status.capacity == status.threshold else str(status.capacity),
            str(status.free),
            _when(status.next_token_at),
            _when(status.locked_until),
            str(status.waiting or ""),
        )
        for name, status in statuses.items()
        if every or _used(status)
    ]


def _line(statuses: Statuses) -> str:
    told = [
        f"{name} locked for {_left(status.locked_until)}"
        if status.locked_until
        else f"{name} {status.free}/{status.capacity} free"
        + (f", next in {_left(status.next_token_at)}" if status.next_token_at else "")
        for name, status in statuses.items()
        if _used(status)
    ]
    return "; ".join(told) or f"nothing spent, nothing locked ({len(statuses)} endpoints)"


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone():%H:%M:%S}, in {_left(moment)}"


def _left(moment: datetime) -> str:
    return duration(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def _plain(status: QuotaStatus) -> dict[str, Any]:
    return {
        name: value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
        for name, value in attrs.asdict(status).items()
    }
