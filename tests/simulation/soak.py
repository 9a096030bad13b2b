"""Days of traffic in minutes: faults, cancellations, kills, suspends and reboots, at random.

Everything but network, server and time is real: clients, limiters, stores, journals, files of
subscribers. A server that counts for itself is asked after each request, and whoever was sent to
is compared with what was reported. The same seed does the same again.

    python tests/simulation/soak.py                       # ten minutes
    SOAK_S=60 python tests/simulation/soak.py --seed 7    # one minute, from that seed on
"""

import argparse
import gc
import logging
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from simulation.soak_episode import Episode, Wall
from simulation.soak_processes import Inline

from cliq_async import clock as moments
from cliq_async.bulk import journal
from cliq_async.quota import limiter
from cliq_async.sync import sync

GROWTH_KIB = 32 * 1024


def one_episode(seed: str, kind: str, hours: float, counts: Counter[str]) -> None:
    """Run an episode in a folder of its own."""
    if kind == "redis":
        from support import redis_servers

        redis_servers.shared().client().flushdb()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    worker_of = journal.WorkerThread, sync.WorkerThread
    day = moments.datetime
    setattr(journal, "WorkerThread", Inline)  # noqa: B010 - for its type
    setattr(sync, "WorkerThread", Inline)  # noqa: B010
    setattr(moments, "datetime", Wall)  # noqa: B010
    try:
        Episode(seed, kind, folder, hours, counts).run()
    finally:
        journal.WorkerThread, sync.WorkerThread = worker_of
        setattr(moments, "datetime", day)  # noqa: B010
        # A store whose clock is its loop's keeps the loop alive, and so what both are kept by.
        limiter._limiters.clear()
        shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _resident_kib() -> int:
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize() // 1024


def main() -> int:
    """Run episodes until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--episode", type=int, help="this one alone")
    parser.add_argument("--hours", type=float, default=3.0, help="of an episode, in virtual time")
    options = parser.parse_args()
    logging.getLogger("cliq_async").setLevel(logging.CRITICAL)
    kinds = ["memory", "sqlite"]
    if shutil.which("redis-server") or shutil.which("valkey-server"):
        kinds.append("redis")
    seconds = float(os.environ.get("SOAK_S", "600"))
    say(f"seed {options.seed}, {seconds:g} s, stores: {', '.join(kinds)}")
    began, minute, number = time.monotonic(), 1, options.episode or 0
    counts: Counter[str] = Counter()
    warm = 0
    while True:
        kind = kinds[number % len(kinds)]
        try:
            one_episode(f"{options.seed}/{number}", kind, options.hours, counts)
            resident = _resident_kib()
            if number == 2 * len(kinds):
                warm = resident
            if warm:
                assert resident < warm + GROWTH_KIB, f"memory grows: {warm} to {resident} KiB"
        except BaseException:
            say(
                f"FAILED in episode {number} on {kind}; again: python tests/simulation/soak.py "
                f"--seed {options.seed} --episode {number} --hours {options.hours:g}",
            )
            raise
        counts["episodes"] += 1
        number += 1
        passed = time.monotonic() - began
        over = passed >= seconds or options.episode is not None
        if over or passed >= 60 * minute:
            days = counts["virtual_s"] / 86_400
            rest = {k: v for k, v in sorted(counts.items()) if k != "virtual_s"}
            shown = ", ".join(f"{value} {name}" for name, value in rest.items())
            say(f"{passed:4.0f} s: {days:.1f} days, {shown}, {resident} KiB")
            minute += 1
        if over:
            say(f"held: 0 lockouts, seed {options.seed}")
            return 0


if __name__ == "__main__":
    sys.exit(main())
