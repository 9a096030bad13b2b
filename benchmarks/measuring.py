"""Measure several things in turn, so that a drift of the machine hits all of them alike."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from statistics import median

import attrs

Round = Callable[[], Awaitable[object]]


@attrs.frozen
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        value: The measured value, with its unit.
        ratio: To what it is compared with, or None.
        hold: What is to be held, in words.
        held: Whether it was.
        numbers: The measured values as numbers, by names that end in their unit.
    """

    what: str
    value: str
    ratio: float | None = None
    hold: str = ""
    held: bool = True
    numbers: dict[str, float] = attrs.field(factory=dict, kw_only=True)

    @property
    def missed(self) -> bool:
        """Whether there was something to hold and it was not."""
        return bool(self.hold) and not self.held


async def cpu_in_turn(rounds: dict[str, Round], repeat: int) -> dict[str, list[float]]:
    """CPU seconds of each round, `repeat` times, one after the other: A B C A B C.

    What one leaves to the garbage collector is not the next one's, nor are the modules of all.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rounds}
    for one in rounds.values():  # once to warm up
        await one()
    gc.collect()
    gc.freeze()
    for _ in range(repeat):
        for name, one in rounds.items():
            gc.collect()
            started = time.process_time()
            await one()
            seconds[name].append(time.process_time() - started)
            await asyncio.sleep(0)
    gc.unfreeze()
    return seconds


def ratio(of: list[float], to: list[float]) -> float:
    """Return the median of the ratios, pair by pair."""
    return median(a / b for a, b in zip(of, to, strict=True))


def per_item_us(seconds: list[float], items: int) -> float:
    """Return the median, in microseconds an item."""
    return median(seconds) / items * 1e6


def print_table(rows: list[Row]) -> None:
    """Print the rows under each other."""
    width = max(len(row.what) for row in rows)
    for row in rows:
        shown = "" if row.ratio is None else f"x {row.ratio:.2f}"
        verdict = "" if not row.hold else ("MISSED" if row.missed else "held")
        print(
            f"{row.what:<{width}}  {row.value:>20}  {shown:>8}  {row.hold:<28} {verdict}".rstrip()
        )
