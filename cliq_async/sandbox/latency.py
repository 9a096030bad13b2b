"""Simulated network latency, which ends when the sandbox stops."""

import asyncio
import random

__all__ = ["Latency"]


class Latency:
    """A delay before and after each request.

    Args:
        latency_s: The round-trip time in real seconds.
        jitter_s: The mean of the exponentially distributed time added to it.
        seed: The seed of the jitter.
    """

    def __init__(self, latency_s: float, jitter_s: float, *, seed: int = 0) -> None:
        self._half_s = latency_s / 2
        self._rate = 2 / jitter_s if jitter_s else 0.0
        self._rng = random.Random(f"{seed}/jitter")
        self._naps: set[asyncio.Future[None]] = set()
        self._stopped = False

    async def wait(self) -> None:
        """Wait for half of the round-trip time."""
        seconds = self._half_s + (self._rng.expovariate(self._rate) if self._rate else 0.0)
        if not seconds or self._stopped:
            return
        loop = asyncio.get_running_loop()
        nap: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, nap)
        self._naps.add(nap)
        try:
            await nap
        finally:
            timer.cancel()
            self._naps.discard(nap)

    def stop(self) -> None:
        """End all waits, now and in the future."""
        self._stopped = True
        for nap in self._naps:
            _wake(nap)


def _wake(nap: asyncio.Future[None]) -> None:
    if not nap.done():
        nap.set_result(None)
