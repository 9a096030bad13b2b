"""Broadcasts to everybody in a file, each in a process of its own: memory, CPU, the journal's size.

Time is moved, so that what counts here is the client alone: at 5,000 recipients a minute, a million
would take 200 minutes.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from measuring import Row

_MIB = 2**20
_MOST_MIB = 64
_LINEAR = 0.15


async def _broadcast(path: Path, journal: Path | None) -> dict[str, float]:
    program = Path(__file__).with_name("broadcasting.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(program), str(path)),
        *([] if journal is None else [str(journal)]),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


def _file(folder: Path, recipients: int) -> Path:
    path = folder / f"{recipients}.txt"
    path.write_text("".join(f"{55743307 + number}\n" for number in range(recipients)))
    return path


async def recipients_of_a_file(sizes: list[int], repeat: int) -> list[Row]:
    """Broadcasts to more and more recipients, without a journal and with one."""
    least: dict[tuple[str, int], dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {size: _file(folder, size) for size in sizes}
        for number in range(repeat):
            for size, path in files.items():
                for what in ("no journal", "journal"):
                    journal = None if what == "no journal" else folder / f"{size}.{number}.journal"
                    found = await _broadcast(path, journal)
                    assert found["delivered"] == size
                    # Whatever else the machine does makes it more, and never less.
                    before = least.setdefault((what, size), found)
                    before["cpu_s"] = min(before["cpu_s"], found["cpu_s"])
                    before["memory"] = max(before["memory"], found["memory"])
    rows = []
    for what in ("no journal", "journal"):
        found = [least[what, size] for size in sizes]
        for size, each in zip(sizes, found, strict=True):
            memory = each["memory"] / _MIB
            value = f"{memory:.1f} MiB, {each['cpu_s'] / size * 1e6:.1f} µs each"
            bar = f"≤ {_MOST_MIB} MiB over idle"
            name, held = f"{size:,} from a file, {what}", memory <= _MOST_MIB
            rows.append(Row(name, value, None, bar, held, numbers=each))
        measures = ["cpu_s"] if what == "no journal" else ["cpu_s", "journal"]
        rows += [_linear(what, measure, sizes, found) for measure in measures]
    return rows


def _linear(what: str, measure: str, sizes: list[int], found: list[dict[str, float]]) -> Row:
    """Compare the last two sizes."""
    (fewer, less), (more, much) = zip(
        sizes[-2:], (each[measure] for each in found[-2:]), strict=True
    )
    times = much / less
    shown = "CPU" if measure == "cpu_s" else "size"
    value = f"{much:.1f} s" if measure == "cpu_s" else f"{much / more:.1f} bytes each"
    factor = more / fewer
    held = abs(times / factor - 1.0) <= _LINEAR
    bar = f"x {factor:.2f} ± {_LINEAR:.0%}"
    return Row(f"{more:,} over {fewer:,}, {what}: {shown}", value, times, bar, held)
