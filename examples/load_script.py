"""Put load on the sandbox or a test organization, and print how long the calls took.

    cliq sandbox --time-scale 60 -- python examples/load_script.py
    cliq sandbox --time-scale 60 -- python examples/load_script.py --rate 40
    python examples/load_script.py --to 55743307 --tasks 5 --duration-s 300

Without --rate the load is closed: each task starts its next call when the last one has ended, and
that is when the time of a call begins. With --rate it is open: a call starts every so often,
however long the others take, and its time begins when it was due.
"""

import argparse
import asyncio
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import attrs

import cliq_async as cliq

BOT = "supportbot"
CALLS: dict[str, Callable[[cliq.CliqClient, str], Awaitable[object]]] = {
    "send_message": lambda client, to: client.messages.send(BOT, "A load test", user_ids=[to]),
    "list_bots": lambda client, _: client.bots.list(),
    "list_subscribers": lambda client, _: client.subscribers.list(BOT),
}
# These errors are counted. All others, such as those of wrong credentials, end the run.
LATER = (cliq.QuotaWaitError, cliq.ThrottledError)
COUNTED = (*LATER, cliq.OutcomeUnknownError, cliq.ServerError, cliq.TransportError)
STEPS = 60  # of the plot


@attrs.define
class Load:
    """One run, and what it measured, in real seconds."""

    call: Callable[[], Awaitable[object]]
    loop: asyncio.AbstractEventLoop = attrs.Factory(asyncio.get_running_loop)
    started_at: float = attrs.Factory(lambda load: load.loop.time(), takes_self=True)
    begun: int = 0
    done: list[tuple[float, float]] = attrs.field(factory=list[tuple[float, float]])  # when, took
    failed: Counter[str] = attrs.field(factory=Counter[str])

    async def closed(self, tasks: int, duration_s: float) -> None:
        """Start the next call of each task when its last one has ended."""
        end = self.started_at + duration_s

        async def task() -> None:
            while (now := self.loop.time()) < end:
                error = await self.measure(now)
                if isinstance(error, LATER):
                    pause_s = (error.retry_at - datetime.now(UTC)).total_seconds()
                    await asyncio.sleep(min(pause_s, end - self.loop.time()))

        async with asyncio.TaskGroup() as group:
            for _ in range(tasks):
                group.create_task(task())

    async def open(self, rate: float, duration_s: float) -> None:
        """Start `rate` calls a second, however long the others take."""
        async with asyncio.TaskGroup() as group:
            for number in range(math.ceil(rate * duration_s)):
                due = self.started_at + number / rate
                await asyncio.sleep(due - self.loop.time())
                group.create_task(self.measure(due))

    async def measure(self, due: float) -> cliq.CliqError | None:
        """Make a call, and measure it from the moment it was due. Return a counted error."""
        self.begun += 1
        try:
            await self.call()
        except COUNTED as error:
            self.failed[name := type(error).__name__] += 1
            if self.failed[name] == 1:
                print(error, file=sys.stderr)
            return error
        now = self.loop.time()
        self.done.append((now - self.started_at, now - due))
        return None


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the times that so many percent do not exceed; each is one that was measured."""
    ranks = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0} if seconds else {}
    ordered = sorted(seconds)
    found = {name: ordered[math.ceil(rank * len(ordered)) - 1] for name, rank in ranks.items()}
    return {"count": len(ordered), **found}


def results(load: Load, requests: list[Any], waits: list[Any], locks: list[Any]) -> dict[str, Any]:
    """Return what was measured as plain data."""
    took_s = load.loop.time() - load.started_at
    plot = Counter(min(int(STEPS * at / took_s), STEPS - 1) for at, _ in load.done)
    return {
        "took_s": took_s,
        "done": len(load.done),
        "done_per_s": len(load.done) / took_s,
        "failed": load.failed,
        "unfinished": load.begun - len(load.done) - load.failed.total(),
        "throttled": sum(request.outcome == "throttled" for request in requests),
        "locked_until": [str(lock.until) for lock in locks],
        "call_s": percentiles([call_s for _, call_s in load.done]),
        "wait_s": percentiles([wait.waited_s for wait in waits]),
        "request_s": percentiles([request.took_s for request in requests]),
        "plot": [plot[step] for step in range(STEPS)],
    }


def show(found: dict[str, Any]) -> None:
    """Print the results as a table and a plot."""
    print(f"{found['done']} calls done in {found['took_s']:.1f} s, {found['done_per_s']:.1f}/s")
    failed = ", ".join(f"{count} {name}" for name, count in found["failed"].items())
    print(f"failed: {failed or 'none'}, unfinished: {found['unfinished']}")
    locked = ", ".join(found["locked_until"])
    print(f"refused with a throttle: {found['throttled']}, locked until: {locked or 'never'}")
    if not found["done"]:
        return
    print(f"\n{'seconds':8}{'count':>8}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}")
    for name in ("call", "wait", "request"):
        count, *times = found[f"{name}_s"].values()
        print(f"{name:8}{count:8}" + "".join(f"{each:9.3f}" for each in times))
    highest = max(found["plot"])
    print(f"\ncalls done in each {found['took_s'] / STEPS:.2f} s, at most {highest}:")
    print("".join(" ▁▂▃▄▅▆▇█"[math.ceil(8 * each / highest)] for each in found["plot"]))


def limits(endpoint: str, threshold: int | None) -> dict[str, cliq.Limit]:
    """Return the threshold to keep to: a higher one than documented in a sandbox alone."""
    limit = cliq.ENDPOINTS[endpoint].limit
    host = urlsplit(os.environ.get("CLIQ_BASE_URL", "")).hostname
    if threshold is None:
        return {}
    if threshold > limit.threshold and host not in ("127.0.0.1", "localhost", "::1"):
        sys.exit(f"error: more than {limit.threshold} is for a sandbox on this machine alone")
    return {endpoint: attrs.evolve(limit, threshold=threshold)}


async def main(options: argparse.Namespace) -> int:
    """Run the load and print what it measured. Return the exit status."""
    load, status = None, 0
    requests: list[cliq.RequestDetails] = []
    waits: list[cliq.WaitDetails] = []
    locks: list[cliq.LockDetails] = []
    hooks = cliq.Hooks(on_request=requests.append, on_wait=waits.append, on_lock=locks.append)
    try:
        changed = limits(options.endpoint, options.threshold)
        async with cliq.CliqClient.from_env(hooks=hooks, limits=changed) as client:
            load = Load(lambda: CALLS[options.endpoint](client, options.to))
            if options.rate is not None:
                await load.open(options.rate, options.duration_s)
            else:
                await load.closed(options.tasks, options.duration_s)
    except* cliq.CliqError as errors:
        print(f"error: {errors.exceptions[0]}", file=sys.stderr)
        status = 1
    except* asyncio.CancelledError:  # Ctrl-C
        status = 130
    if load is not None:
        found = results(load, requests, waits, locks)
        print(json.dumps(found)) if options.json else show(found)
        status = status or int(not load.done)
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Put load on Cliq, and print how long it took.")
    parser.add_argument("--tasks", type=int, default=20, help="tasks of a closed load")
    parser.add_argument("--rate", type=float, help="calls a second of an open load")
    parser.add_argument("--duration-s", type=float, default=10.0, help="when the last call starts")
    parser.add_argument("--endpoint", choices=CALLS, default="send_message")
    parser.add_argument("--to", default="55743307", help="the ZUID that gets the messages")
    parser.add_argument("--threshold", type=int, help="requests a window")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    sys.exit(asyncio.run(main(parser.parse_args())))
