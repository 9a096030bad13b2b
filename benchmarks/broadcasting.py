"""Broadcasts to everybody in a file, in virtual time: one process of those of bulk.py.

Its arguments are the file, one id a line, and a journal, if there is to be one. Its output is
what that took, as JSON: seconds of CPU, the most memory over that of before, and the journal's
size, both in bytes.
"""

import asyncio
import gc
import json
import re
import resource
import selectors
import sys
import time
from collections import deque
from pathlib import Path

from cliq_async import BulkReport, CliqClient, MemoryStore
from cliq_async.cli.inputs.recipient_file import RecipientFile
from cliq_async.storage.worker import _workers
from cliq_async.testing import FakeTransport, VirtualTimeLoop

_STATUS = Path("/proc/self/status")
_LOOK_S = 0.01
_LONGEST_S = 60.0


class PatientLoop(VirtualTimeLoop):
    """An event loop whose time stands still while a thread writes the journal."""

    def __init__(self) -> None:
        super().__init__()
        moving = self._time_selector
        move = moving.select

        def select(timeout: float | None = None):
            if timeout is None:
                return selectors.DefaultSelector.select(moving, _LONGEST_S) or move(None)
            if timeout > 0 and any(_busy(worker) for worker in _workers):
                return selectors.DefaultSelector.select(moving, _LOOK_S)
            return move(timeout)

        moving.select = select


def _busy(worker) -> bool:
    return worker._jobs.qsize() > 0 or worker._busy.locked()


async def recipients(path: str):
    """Those in a file, as `cliq broadcast --to` reads them."""
    with RecipientFile(path, None) as file:
        await file.start()
        async for recipient in file:
            yield recipient


async def broadcast(path: str, journal: str | None) -> BulkReport:
    """One message to all of them."""
    cliq = FakeTransport()
    cliq.requests = deque(maxlen=0)  # or it would be what grows
    quota = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient("token", transport=cliq, quota=quota) as client:
        return await client.broadcast("supportbot", "Hello", recipients(path), journal=journal)


def memory(what: str) -> int:
    """Return the memory of this process in bytes: VmRSS, as it is, or VmHWM, the peak."""
    if _STATUS.exists():
        return 1024 * int(re.search(rf"{what}:\s+(\d+) kB", _STATUS.read_text())[1])
    # The most so far, in any case; on Linux it would begin with the parent's.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def main(path: str, journal: str | None = None) -> None:
    """Broadcast, and say what it took."""
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        loop = runner.get_loop()
        gc.collect()
        idle, began = memory("VmRSS"), time.process_time()
        report = runner.run(broadcast(path, journal))
        cpu_s, most = time.process_time() - began, memory("VmHWM")
        took_s = loop.time()
    found = {
        "delivered": report.delivered,
        "skipped": report.skipped,
        "took_s": took_s,
        "cpu_s": cpu_s,
        "memory": most - idle,
        "journal": 0 if journal is None else Path(journal).stat().st_size,
    }
    print(json.dumps(found))


main(*sys.argv[1:])
