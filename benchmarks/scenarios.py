"""What happens to the programs that send: nothing, timeouts, restarts, crashes, company.

- plain: 1,000 messages, and nobody gives up a request.
- timeouts: the same, and requests are given up after 5 s; those under way arrive later.
- restart: 50 of 200 messages, and 5 s later the program starts anew.
- crash loop: 200 messages; the program is killed eight times, each within 3 s of its start.
- 4 processes: four programs with 50 messages each.
- 4 processes, a quarter each: the same, each with a fourth of the threshold for itself.
- counted: as plain, at a server that only counts: how many arrive within a window.

A program that starts anew knows what its limiter keeps outside of it: cliq_async has its file, a
limiter with a shared store has that, modelled as one that takes no time and never fails, which is
the best there can be. Everything else begins with an empty memory.
"""

import asyncio
import bisect
import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
from contenders import CONTENDERS, NONE, Contender
from limiters import Limiter
from sending import LIMIT, Line, User, Watched

from cliq_async.sandbox.rate_limits import Throttle

N, WINDOW_S = LIMIT.threshold, LIMIT.window_s
PROCESSES = 4
CRASHES = 8
LONGEST_LIFE_S = 3.0
TIMEOUT_S = 30.0


@attrs.define(eq=False)
class Stage:
    """One run: the network, who sends, and what outlives a process."""

    contender: Contender
    network: Watched
    folder: Path
    sends: int
    lines: list[Line] = attrs.Factory(list)
    kept: Limiter | None = None

    def limiter(self, share: float = 1.0) -> Limiter:
        """Return the limiter that a process has when it starts."""
        if self.kept is not None:
            return self.kept
        limiter = self.contender.make(share, self.folder / "quota.db")
        if self.contender.shared:
            self.kept = limiter
        return limiter

    def line(self) -> Line:
        """Open a new process's way to the network."""
        self.lines.append(Line(self.network))
        return self.lines[-1]

    async def life(self, limiter: Limiter, sends: int, timeout_s: float | None = TIMEOUT_S) -> None:
        """Run a process that sends all it has to, and ends."""
        await limiter.run(User(self.line(), sends, timeout_s))
        if limiter is not self.kept:
            await limiter.close()


async def _plain(stage: Stage) -> None:
    await stage.life(stage.contender.make(1.0, None), stage.sends, None)


async def _timeouts(stage: Stage) -> None:
    await stage.life(stage.contender.make(1.0, None), stage.sends, 5.0)


async def _restart(stage: Stage) -> None:
    await stage.life(stage.limiter(), N)
    await asyncio.sleep(5.0)
    await stage.life(stage.limiter(), stage.sends - N)


async def _crash_loop(stage: Stage) -> None:
    left = stage.sends
    for _ in range(CRASHES):
        limiter = stage.limiter()
        user = User(stage.line(), left, TIMEOUT_S)
        task = asyncio.ensure_future(limiter.run(user))
        await asyncio.wait([task], timeout=stage.network.random.uniform(0.0, LONGEST_LIFE_S))
        if limiter is not stage.kept:
            limiter.kill()
        task.cancel()
        await asyncio.wait([task])
        if limiter is not stage.kept:
            await limiter.close()
        left -= user.line.done
    await stage.life(stage.limiter(), left)


async def _processes(stage: Stage, share: float = 1.0) -> None:
    each = stage.sends // PROCESSES
    await asyncio.gather(*(stage.life(stage.limiter(share), each) for _ in range(PROCESSES)))


async def _quarters(stage: Stage) -> None:
    await _processes(stage, 1.0 / PROCESSES)


@attrs.frozen
class Scenario:
    """How a run goes, and how many messages there are in it."""

    play: Callable[[Stage], Awaitable[None]]
    sends: int = 1000
    servers: tuple[str | None, ...] = ("rolling", "fixed", "bucket")
    fits: Callable[[Contender], bool] = lambda contender: not contender.shared


_PEERS = {each.name for each in CONTENDERS.values() if not (each.ours or each.name == NONE)}

SCENARIOS = {
    "plain": Scenario(_plain),
    "timeouts": Scenario(_timeouts),
    "restart": Scenario(_restart, 200, fits=lambda _: True),
    "crash loop": Scenario(_crash_loop, 200, fits=lambda _: True),
    "4 processes": Scenario(_processes, 200, fits=lambda _: True),
    "4 processes, a quarter each": Scenario(
        _quarters, 200, fits=lambda contender: contender.name in _PEERS and not contender.shared
    ),
    "counted": Scenario(_plain, servers=(None,)),
}
HELD = ("plain", "timeouts", "restart", "crash loop", "4 processes")
"""Those in which cliq_async promises not to be locked."""


async def play(contender: str, scenario: str, server: str | None, seed: int, sends: int) -> dict:
    """One run, and what came of it; `burst_s` is when the first 50 had left.

    Raises:
        RuntimeError: Not everything was delivered although nothing was given up.
    """
    throttles = [] if server is None else [Throttle(server, seed=seed)]
    network = Watched(throttles, random.Random(seed))
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(CONTENDERS[contender], network, Path(folder), sends)
        await SCENARIOS[scenario].play(stage)
        took_s = loop.time()
        await asyncio.sleep(WINDOW_S)  # the last stragglers
        if stage.kept is not None:
            await stage.kept.close()
    if scenario in {"plain", "counted"} and len(network.accepted) != sends:
        raise RuntimeError(f"{contender}: {len(network.accepted)} of {sends} were accepted")
    departures = sorted(at for line in stage.lines for at in line.departures)
    return {
        "lockouts": len(network.lockouts),
        "ratio": took_s / ((sends / N - 1) * WINDOW_S),
        "burst_s": departures[N - 1] if len(departures) >= N else None,
        "peak": peak(network.arrivals),
        "arrivals": network.arrivals,
        "accepted": network.accepted,
    }


def peak(arrivals: list[float]) -> int:
    """Return the most arrivals within a window."""
    return max(
        number + 1 - bisect.bisect_right(arrivals, at - WINDOW_S)
        for number, at in enumerate(arrivals)
    )


async def alone(contender: str, sends: int = 3 * N) -> float:
    """How long the messages take with a limiter and an even network, but no server."""
    network = Watched([], random.Random(0), even_delay_s=0.05)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(CONTENDERS[contender], network, Path(folder), sends)
        limiter = stage.limiter()
        await limiter.run(User(stage.line(), sends, None))
        took_s = asyncio.get_running_loop().time()
        await limiter.close()
    assert len(network.arrivals) == sends
    return took_s
