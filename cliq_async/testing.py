"""For tests: an event loop whose time moves by itself.

```python
from cliq_async.testing import run_in_moved_time

def test_an_hour_passes_at_once():
    run_in_moved_time(asyncio.sleep(3600))
```
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["MovedLoop", "run_in_moved_time"]

T = TypeVar("T")

_LEAST_S = 1e-9
_MANY = 1000


class _MovingSelector(selectors.DefaultSelector):
    """Moves the time to the next timer instead of waiting for it."""

    now = 0.0
    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        self.turns += 1
        if events or timeout == 0:
            # Timers within the clock's resolution run without a wait; who sets one over and over
            # must see the time move all the same.
            self.now += _LEAST_S if self.turns % _MANY == 0 else 0.0
            return events
        if timeout is None:
            raise RuntimeError("every task waits for something that no timer will bring")
        self.now += max(timeout, _LEAST_S)
        return events


class MovedLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and jumps to the next timer when all tasks wait.

    A client whose `clock=` is `loop.time` lives in this time entirely. For tests that touch no
    network and no other process; where nothing is left to wait for, it raises instead of hanging.
    """

    def __init__(self) -> None:
        self._moving = _MovingSelector()
        super().__init__(self._moving)

    def time(self) -> float:
        """Seconds since the loop was made, as the tasks see them."""
        return self._moving.now

    def advance(self, seconds: float) -> None:
        """Let time pass while nothing runs, as on a machine that is suspended."""
        self._moving.now += seconds


def run_in_moved_time(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run a coroutine in an event loop whose time moves by itself."""
    with asyncio.Runner(loop_factory=MovedLoop, debug=debug) as runner:
        return runner.run(main)
