"""Thousands who wait in line, beside other limiters: CPU until all have passed, memory of each."""

import asyncio
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from installed import left_out
from measuring import Row, ratio

_MODULES = {"aiolimiter": "aiolimiter", "pyrate-limiter": "pyrate_limiter"}
_FEWER = 10_000
_CPU_S = 0.3
_LINEAR = 1.5  # tasks alone grow by more: ten times as many fit into no cache


async def _waiting(name: str, number: int, what: str) -> float:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("waiting.py")), name, str(number), what),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


def _there(*more: str) -> list[str]:
    peers = [name for name, module in _MODULES.items() if find_spec(module) is not None]
    return [*more, *peers, "cliq_async"]


def _shown(name: str) -> str:
    return "tasks alone" if name == "nothing" else name


def _left_out(what: str) -> list[Row]:
    return [left_out(f"{what}: {name}") for name in _MODULES if name not in _there()]


async def drained(sizes: dict[int, int]) -> list[Row]:
    """How many wait, and how often that is measured: CPU at a thousand a second."""
    rows = []
    each_us = {}
    for number, repeat in sizes.items():
        what = f"{number:,} waiters at 1,000 a second"
        names = _there("nothing")
        # At once: they wait most of the time, and each counts its own CPU.
        rounds = [
            await asyncio.gather(*(_waiting(name, number, "drain") for name in names))
            for _ in range(repeat)
        ]
        found = dict(zip(names, map(list, zip(*rounds, strict=True)), strict=True))
        rows += _left_out(what)
        for name, seconds in found.items():
            cpu_s = min(seconds)  # all else on the machine makes it more
            each_us[number] = cpu_s / number * 1e6  # ours is the last
            hold = f"≤ {_CPU_S} s CPU" if (name, number) == ("cliq_async", _FEWER) else ""
            row = Row(
                f"{what}: {_shown(name)}",
                f"{cpu_s:.3f} s CPU",
                ratio(seconds, found["aiolimiter"]),
                hold,
                cpu_s <= _CPU_S,
                numbers={"cpu_s": cpu_s},
            )
            rows.append(row)
    (fewer, less_us), (more, much_us) = each_us.items()
    times = much_us / less_us
    value = f"{less_us:.1f}, {much_us:.1f} µs each"
    numbers = {"fewer_us": less_us, "more_us": much_us, "ratio": times}
    what = f"{more:,} waiters over {fewer:,}, each"
    return [*rows, Row(what, value, times, f"≤ x {_LINEAR}", times <= _LINEAR, numbers=numbers)]


async def held(number: int) -> list[Row]:
    """How much memory each of them takes while it waits, its task included."""
    what = f"memory of a waiter, of {number:,}"
    names = _there("nothing")
    found = await asyncio.gather(*(_waiting(name, number, "hold") for name in names))
    taken = dict(zip(names, found, strict=True))
    rows = _left_out(what)
    for name, each in taken.items():
        times = each / taken["aiolimiter"]
        numbers = {"bytes": each, "bytes_over_task": each - taken["nothing"]}
        rows.append(Row(f"{what}: {_shown(name)}", f"{each:,.0f} bytes", times, numbers=numbers))
    return rows
