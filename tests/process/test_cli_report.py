"""The report of a job in a process of its own: stopped by a signal, and with many recipients."""

import asyncio
import csv
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.cli import SECRET, command, counting, zuids
from support.cli_broadcasts import BROADCAST

from cliq_async.sandbox import Sandbox

GROWTH_MIB = 6
FEW, MANY = 2_000, 50_000
MEASURED = """
import re, sys
from cliq_async.cli.app import cliq
try:
    cliq(sys.argv[1:])
except SystemExit as ended:
    memory = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
    print("memory", memory, "status", ended.code)
"""


def statuses(path):
    found: dict[str, list[str]] = {}
    for row in csv.DictReader(path.read_text("utf-8-sig").splitlines()):
        found.setdefault(row["status"], []).append(row["id"])
    return found


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
async def test_interrupted_job_goes_on_by_its_report(ids, tmp_path, times):
    """Nobody is lost, and nobody gets it twice but those who may have got it."""
    arrived = asyncio.Event()
    report = tmp_path / "day.csv"
    faults = ["lost:1"] if times > 1 else []
    async with Sandbox(latency_s=0.6, clock=counting(50, arrived), faults=faults) as sandbox:
        options = ("--batch-size", "1", "--token", SECRET, "--base-url", sandbox.url)
        first = ("--to", ids(60), "--report", str(report))
        async with command(*BROADCAST, *options, *first) as process:
            await arrived.wait()
            for _ in range(times):
                process.send_signal(signal.SIGINT)
                await asyncio.sleep(0.2)
            _, err = await process.communicate()
    found = statuses(report)
    everybody = Counter(each for status in found.values() for each in status)
    assert process.returncode == 130
    assert everybody == dict.fromkeys(zuids(60), 1)
    assert f"with --to {report} and another --report goes on with them" in err.decode()
    kept = "delivered" if times == 1 else "unknown"
    assert set(found) == {kept, "left"}
    async with Sandbox(subscribers=60) as sandbox:
        options = ("--to", str(report), "--token", SECRET, "--base-url", sandbox.url)
        async with command(*BROADCAST, *options) as process:
            await process.communicate()
        got = sandbox.report(recipients=True)["recipients"]
    assert got == dict.fromkeys(found["left"], 1)


async def took(folder, many):
    """The memory of a job with a report, in MiB."""
    people = folder / "ids.txt"
    people.write_text("".join(f"{each}\n" for each in zuids(many)))
    async with Sandbox(subscribers=many, time_scale=3_000) as sandbox:
        options = ("--to", str(people), "--token", SECRET, "--base-url", sandbox.url, "--yes")
        server = ("--time-scale", "3000", "--quota", "memory://")
        reports = [("--report", str(folder / f"{many}.{each}")) for each in ("html", "csv")]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", MEASURED, *BROADCAST, *options, *server),
            *(each for report in reports for each in report),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    measured = re.search(r"memory (\d+) status 0", out.decode())
    assert measured is not None, err.decode()
    return int(measured[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the memory")
async def test_report_needs_no_more_memory_for_more_recipients(tmp_path):
    few, many = [await took(tmp_path, number) for number in (FEW, MANY)]
    assert many - few <= GROWTH_MIB
    assert len(statuses(tmp_path / f"{MANY}.csv")["delivered"]) == MANY
    assert (tmp_path / f"{MANY}.html").stat().st_size < 10 * MANY
