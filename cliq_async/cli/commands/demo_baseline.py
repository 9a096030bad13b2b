"""The baseline of `cliq demo`: a plain client with aiolimiter that waits after each 429."""

import asyncio
import math
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Final

import aiohttp
import attrs
from aiolimiter import AsyncLimiter
from rich.console import Group, RenderableType
from rich.text import Text

from cliq_async.cli.outputs.console import echo, live, table
from cliq_async.cli.outputs.progress import bar
from cliq_async.cli.text import duration, plural
from cliq_async.endpoints import Limit
from cliq_async.models.identifiers import MAX_USER_IDS

__all__ = ["PLAIN_NAME", "PlainRun", "minutes", "print_plain", "run_plain"]

PLAIN_NAME: Final = "plain aiolimiter(50, 60)"
LOCKOUTS: Final = 2
"""The number of lockouts after which the run stops."""

_TOKEN: Final = "demo-plain"  # noqa: S105 - the sandbox accepts any
_FORMS: Final = {"seed": ("message", "user_ids"), "live": ("messages", "userids")}
_THROTTLED: Final = 429


class _EnoughError(Exception):
    """The run has seen enough lockouts."""


@attrs.define(kw_only=True)
class PlainRun:
    """The progress and the result of the plain client.

    Attributes:
        total: The requests that are needed if none is refused.
        lock_s: The length of a lock, in real seconds.
        sent: The requests sent, including refused ones.
        accepted: The requests that were not refused.
        locked_at: The start of each lock, in real seconds since the start of the run.
        took_s: The duration of the run, in real seconds.
        started: The start of the run by `time.perf_counter`.
    """

    total: int
    lock_s: float
    sent: int = 0
    accepted: int = 0
    locked_at: list[float] = attrs.Factory(list)
    took_s: float = 0.0
    started: float = attrs.field(factory=time.perf_counter)

    def elapsed_s(self) -> float:
        """Return the real seconds since the start."""
        return time.perf_counter() - self.started

    def record_refusal(self) -> bool:
        """Record a 429. Returns True once there have been enough lockouts."""
        now = self.elapsed_s()
        if not self.locked_at or now >= self.locked_at[-1] + self.lock_s:
            self.locked_at.append(now)
        return len(self.locked_at) >= LOCKOUTS

    @property
    def rounds(self) -> int:
        """The rounds of sending and being locked that the whole job takes at this pace."""
        return math.ceil(self.total / max(1.0, self.accepted / len(self.locked_at)))

    @property
    def estimate_s(self) -> float:
        """The extrapolated duration of the whole job, in real seconds."""
        first, *_, last = self.locked_at
        return first + (self.rounds - 1) * (last - first)

    def counts(self) -> str:
        """Format the counts as a line."""
        return (
            f"requests sent {self.sent:,}  accepted {self.accepted:,} of {self.total:,}  "
            f"lockouts {len(self.locked_at)}"
        )

    def line(self) -> str:
        """Format the counts and the lock as a line."""
        return f"{self.counts()}  {self._state()}"

    def show(self) -> RenderableType:
        """Build the display for a terminal."""
        since = self._locked_for_s()
        return Group(bar(since, self.lock_s, self._state()), Text(self.counts()))

    def _locked_for_s(self) -> float:
        since = self.elapsed_s() - self.locked_at[-1] if self.locked_at else 0.0
        return since if since < self.lock_s else 0.0

    def _state(self) -> str:
        since = self._locked_for_s()
        return f"locked for {since:.1f} of {self.lock_s:.1f} s" if since else "not locked"


def minutes(limit: Limit) -> str:
    """Format the lock period of a limit in minutes."""
    return plural(round(limit.lock_s / 60), "minute")


async def run_plain(
    url: str,
    bot: str,
    text: str,
    ids: list[str],
    *,
    limit: Limit,
    time_scale: float,
    dialect: str = "seed",
) -> PlainRun:
    """Send to all ids with a plain limiter, until the second lockout.

    Fifty tasks share a limiter. After a 429, a task waits for the lock period and tries again.

    Args:
        url: The sandbox's URL.
        bot: The bot's unique name.
        text: The message.
        ids: The recipients.
        limit: The documented limit.
        time_scale: The factor by which the sandbox's time passes faster.
        dialect: The sandbox's API dialect.
    """
    batches = [ids[start : start + MAX_USER_IDS] for start in range(0, len(ids), MAX_USER_IDS)]
    plain = PlainRun(total=len(batches), lock_s=limit.lock_s / time_scale)
    limiter = AsyncLimiter(limit.threshold, limit.window_s / time_scale)
    todo = iter(batches)
    last, key = _FORMS[dialect]
    path = f"/api/v3/bots/{bot}/{last}"
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    async with (
        aiohttp.ClientSession(url, headers=headers) as session,
        live(plain.show, plain.line, transient=True),
    ):

        async def accepted(batch: list[str]) -> bool:
            await limiter.acquire()
            plain.sent += 1
            body = {"text": text, key: ",".join(batch)}
            async with session.post(path, json=body) as answer:
                if answer.status == _THROTTLED:
                    return False
                answer.raise_for_status()
                return True

        async def work() -> None:
            for batch in todo:
                while not await accepted(batch):
                    if plain.record_refusal():
                        raise _EnoughError
                    await asyncio.sleep(plain.lock_s)
                plain.accepted += 1

        with suppress(_EnoughError):
            await _gather(work() for _ in range(limit.threshold))
        plain.took_s = plain.elapsed_s()
    return plain


async def _gather(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Run coroutines together; the first error cancels the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def print_plain(plain: PlainRun, limit: Limit, time_scale: float) -> None:
    """Print the result, and the extrapolated duration of the whole job."""
    finished = plain.accepted == plain.total
    rows = [
        ("requests sent", f"{plain.sent:,}", ""),
        ("accepted", f"{plain.accepted:,} of {plain.total:,}", ""),
        ("lockouts", f"{len(plain.locked_at):,}", ""),
        (
            "time" if finished else "time until it was stopped",
            f"{plain.took_s:.2f} s",
            duration(plain.took_s * time_scale),
        ),
    ]
    if not finished:
        estimate = (f"{plain.estimate_s:.0f} s", duration(plain.estimate_s * time_scale))
        rows.append(("time for all, extrapolated", *estimate))
    table(rows, header=(PLAIN_NAME, "here", "on the live service"), right=(1, 2))
    if finished:
        return
    each = plural(round(plain.accepted / len(plain.locked_at)), "request")
    locks = plural(plain.rounds - 1, "lock")
    echo(f"Stopped at lockout {LOCKOUTS}. Extrapolated: {each} got through before each lockout,")
    echo(f"so {plain.total:,} take {plain.rounds} rounds with {locks} of {minutes(limit)} between.")
