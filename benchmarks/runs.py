"""All the runs of lockouts.py, on all cores, and what they come to."""

import logging
import multiprocessing
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from statistics import median

from contenders import CONTENDERS, NONE, OURS, OURS_BARE
from scenarios import SCENARIOS, alone, play
from stricter import CASES, DAY_CONTENDERS, broadcast, day
from virtual_time import run

PLOTTED = (OURS, "window stamped at the start, 45", "aiolimiter(50, 60)", "aiolimiter(25, 60)")
QUICK = (OURS, OURS_BARE, NONE, "aiolimiter(50, 60)", "pyrate-limiter Rate(50, 60 s)")
_OF_ALL = {"alone": alone, "play": play, "day": day, "broadcast": broadcast}
_SERIES_SEED = 0

Task = tuple
"""A coroutine function's name in `_OF_ALL`, the seed, and its arguments."""


def prepare() -> None:
    """Locks and waits are what is counted here; nobody has to be told of each."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def do(task: Task):
    """One run; everything it returns but the series, if it is not one of those plotted."""
    kind, seed, args = task
    found = run(partial(_OF_ALL[kind], *args), seed)
    if kind == "play":
        contender, scenario, server, *_ = args
        series = {"counted": "arrivals", "plain": "accepted"}.get(scenario)
        kept = series if contender in PLOTTED and server in {None, "rolling"} else None
        for name in ("arrivals", "accepted"):
            times = found.pop(name)
            if name == kept and seed == _SERIES_SEED:
                found["series"] = [round(at, 2) for at in sorted(times)]
    return found


def tasks(seeds: int, *, quick: bool) -> Iterator[Task]:
    """All runs: the days first, since they take longest."""
    names = [
        each.name
        for each in CONTENDERS.values()
        if each.installed and (not quick or each.name in QUICK)
    ]
    yield from _days(names, seeds, 3.0 if quick else 24.0)
    for seed, name, (scenario, row) in product(range(seeds), names, SCENARIOS.items()):
        if row.fits(CONTENDERS[name]):
            for server in row.servers[: 1 if quick else None]:
                yield "play", seed, (name, scenario, server, seed, row.sends)
    for seed in range(seeds):
        yield "broadcast", seed, (seed,)
    for name in names:
        yield "alone", 0, (name,)


def _days(names: list[str], seeds: int, hours: float) -> Iterator[Task]:
    for case, name in product(CASES, DAY_CONTENDERS):
        if name in names:
            for seed in range(min(seeds, 2 if name == OURS else 1)):
                yield "day", seed, (name, case, seed, hours)


def run_all(all_tasks: list[Task]) -> list[tuple[Task, object]]:
    """Do them all; the order is that of the tasks."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, initializer=prepare) as pool:
        return list(zip(all_tasks, pool.map(do, all_tasks, chunksize=4), strict=True))


def summed_up(done: list[tuple[Task, object]]) -> dict:
    """Per contender, scenario and server; what each takes alone; the days; the broadcasts.

    Raises:
        RuntimeError: A limiter did not limit in virtual time.
    """
    runs, days, broadcasts, alone_s, series = defaultdict(list), defaultdict(list), [], {}, {}
    for (kind, _, args), found in done:
        if kind == "play":
            runs[args[:3]].append(found)
            if "series" in found:
                of = "arrivals" if args[1] == "counted" else "accepted"
                series.setdefault(args[0], {})[of] = found["series"]
        elif kind == "day":
            days[args[:2]].append(found | {"hours": args[3]})
        elif kind == "broadcast":
            broadcasts.append(found)
        else:
            low, high = CONTENDERS[args[0]].alone_s
            if not low <= found <= high:
                raise RuntimeError(f"{args[0]} took {found} s alone, not {low} to {high}")
            alone_s[args[0]] = round(found, 3)
    return {
        "results": [_of_runs(key, runs[key]) for key in sorted(runs, key=_place)],
        "days": [
            {
                "contender": contender,
                "case": case,
                "hours": found[0]["hours"],
                "locks": [each["locks"] for each in found],
                "sent": median(each["sent"] for each in found),
            }
            for (contender, case), found in days.items()
        ],
        "broadcasts": broadcasts,
        "alone_s": alone_s,
        "series": {name: series[name] for name in PLOTTED if name in series},
    }


def _place(key: tuple[str, str, str | None]) -> tuple[int, int]:
    return list(CONTENDERS).index(key[0]), list(SCENARIOS).index(key[1])


def _of_runs(key: tuple[str, str, str | None], found: list[dict]) -> dict:
    contender, scenario, server = key
    bursts = [each["burst_s"] for each in found if each["burst_s"] is not None]
    return {
        "contender": contender,
        "scenario": scenario,
        "server": server,
        "runs": len(found),
        "locked": sum(each["lockouts"] > 0 for each in found),
        "lockouts": sum(each["lockouts"] for each in found),
        "ratio": round(median(each["ratio"] for each in found), 4),
        "ratio_mean": round(sum(each["ratio"] for each in found) / len(found), 4),
        "burst_s": round(median(bursts), 2) if bursts else None,
        "peak": max(each["peak"] for each in found),
    }
