"""All clocks that a program may read show the virtual time of one event loop."""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from cliq_async.testing import VirtualTimeLoop

T = TypeVar("T")

PEERS = ("aiolimiter", "aiometer", "anyio", "limits", "pyrate_limiter", "telegram", "throttled")
_EPOCH_S = 1_700_000_000.0
_MINUTE_S = 60.0
_TURN_S = 1e-9


class _AtOnce(ThreadPoolExecutor):
    """Does in the loop's thread what is meant for another one: it takes no virtual time."""

    def submit(self, fn, /, *args, **kwargs):
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)
        return future


class _TurningLoop(VirtualTimeLoop):
    """A loop whose every turn takes a nanosecond: a limiter may ask for less than that."""

    def __init__(self) -> None:
        super().__init__()
        move = self._time_selector.select

        def select(timeout: float | None = None):
            self._time_selector.now += _TURN_S
            return move(timeout)

        self._time_selector.select = select


def _clocks(loop: VirtualTimeLoop, epoch_s: float) -> dict[str, Callable[..., Any]]:
    # Each an object of its own, so that the way back is known.
    return {
        "time": lambda: epoch_s + loop.time(),
        "time_ns": lambda: int((epoch_s + loop.time()) * 1e9),
        "monotonic": loop.time,
        "monotonic_ns": lambda: int(loop.time() * 1e9),
        "perf_counter": loop.time,
        "perf_counter_ns": lambda: int(loop.time() * 1e9),
        "sleep": loop.advance,  # who sleeps like this stops the whole loop
    }


@contextlib.contextmanager
def clocks_moved(loop: VirtualTimeLoop, epoch_s: float = _EPOCH_S) -> Iterator[None]:
    """Let the module `time`, and what the peers imported from it, show a loop's time."""
    moved = _clocks(loop, epoch_s)
    originals = {name: getattr(time, name) for name in moved}
    _replace([(originals[name], moved[name]) for name in moved])
    try:
        yield
    finally:  # in what was imported meanwhile, too
        _replace([(moved[name], originals[name]) for name in moved])


def _replace(clocks: list[tuple[Callable[..., Any], Callable[..., Any]]]) -> None:
    by_id = {id(old): new for old, new in clocks}
    peers = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in PEERS]
    for module in [time, *peers]:
        for name, value in list(vars(module).items()):
            if id(value) in by_id:
                setattr(module, name, by_id[id(value)])


def run(main: Callable[[], Coroutine[Any, Any, T]], seed: int = 0) -> T:
    """Run a coroutine in virtual time; the seed says how far into its minute the clock is."""
    phase_s = random.Random(seed).uniform(0.0, _MINUTE_S)
    with asyncio.Runner(loop_factory=_TurningLoop) as runner:
        loop = runner.get_loop()
        loop.set_default_executor(_AtOnce())
        with clocks_moved(loop, _EPOCH_S + phase_s):
            found = runner.run(main())
        loop._default_executor = None  # it has no threads, and asyncio would wait in one for them
        return found
