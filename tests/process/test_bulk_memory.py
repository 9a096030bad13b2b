"""A broadcast needs no more memory for more recipients, and its journal grows as they do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "broadcasting.py"
MIB = 2**20
MOST_MIB = 64
GROWTH_MIB = 6
"""What a process may differ in by itself. The ids that are more would need 13 MiB."""
FEW, MANY = 20_000, 250_000

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="nothing else tells the memory of one process"
)


def took(folder, lines, *, journal=True):
    """What it takes to broadcast to the lines of a file, in a process of its own."""
    path = folder / "recipients.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    arguments = [str(folder / "job.journal")] if journal else []
    out = subprocess.run(
        [sys.executable, str(PROGRAM), str(path), *arguments], check=True, capture_output=True
    ).stdout
    return json.loads(out)


@pytest.mark.parametrize("journal", [False, True], ids=["no journal", "journal"])
def test_memory_does_not_grow_with_the_recipients(tmp_path, journal):
    found = []
    for many in (FEW, MANY):
        folder = tmp_path / str(many)
        folder.mkdir()
        found.append(took(folder, range(10**9, 10**9 + many), journal=journal))
        assert found[-1]["delivered"] == many
        # Not a window more than there has to be, at 50 requests of 100.
        assert journal or found[-1]["took_s"] == pytest.approx((many / 5000 - 1) * 61.0)
    few, more = found
    assert more["memory"] <= MOST_MIB * MIB
    assert more["memory"] - few["memory"] <= GROWTH_MIB * MIB
    assert more["journal"] == pytest.approx(MANY / FEW * few["journal"], rel=0.1)


def test_memory_does_not_grow_with_what_is_no_recipient_if_there_is_a_journal(tmp_path):
    many = 100_000
    found = took(tmp_path, ["1", *(f"nobody, number {number}" for number in range(many))])
    assert (found["delivered"], found["skipped"]) == (1, many)
    assert found["memory"] <= 16 * MIB
