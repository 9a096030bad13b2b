"""A line on a terminal as soon as a command waits for the quota, so that it does not look hung."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from cliq_async.cli.outputs.console import echo_err, is_err_terminal
from cliq_async.cli.text import moment
from cliq_async.client import CliqClient
from cliq_async.errors import CliqError
from cliq_async.quota.status import QuotaStatus

__all__ = ["wait_notice"]

_LOOK_EVERY_S: Final = 0.3
_SHORT_S: Final = 1.0
"""A wait that is over sooner is not worth a line."""


@asynccontextmanager
async def wait_notice(client: CliqClient) -> AsyncIterator[None]:
    """Say on stderr, if it is a terminal, that calls of the body wait for the quota.

    Each endpoint is named once, and once more if it is locked: a long listing waits many times.
    """
    if not is_err_terminal():
        yield
        return
    watch = asyncio.create_task(_watch(client))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(client: CliqClient) -> None:
    # A hook hears of a wait when it has ended, so this looks for those that go on.
    said: set[tuple[str, bool]] = set()
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        statuses: dict[str, QuotaStatus] = {}
        with suppress(CliqError):  # the call itself reports the error
            statuses = await client.quota_status()
        for endpoint, status in statuses.items():
            key = (endpoint, status.locked_until is not None)
            if status.waiting and key not in said and (line := _line(endpoint, status)):
                said.add(key)
                echo_err(line)


def _line(endpoint: str, status: QuotaStatus) -> str | None:
    until = status.locked_until or status.next_token_at
    left_s = 0.0 if until is None else (until - datetime.now(UTC)).total_seconds()
    if until is None or left_s < _SHORT_S:
        return None
    what = "the end of the lock" if status.locked_until else "the quota"
    return (
        f"waiting for {what} of {endpoint} until {moment(until)}; "
        f"Ctrl-C gives up, and the request is not sent"
    )
