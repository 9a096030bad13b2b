"""Run all of it: `python -m benchmarks`, or `--quick` to see that it runs."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "tests"))  # they can start a Redis

from bulk import recipients_of_a_file
from calls import calls
from measuring import print_table
from quota import take_and_give_back, waiters
from stores import sends_by_store, taken_by_processes


async def main(*, quick: bool) -> None:
    """Print the table."""
    rows = await calls(1 if quick else 21)
    rows += await sends_by_store(1 if quick else 21)
    rows += await take_and_give_back(3 if quick else 51)
    rows += await taken_by_processes(1 if quick else 7, 100 if quick else 1_000)
    sizes = [50_000, 100_000] if quick else [250_000, 500_000, 1_000_000]
    rows += await recipients_of_a_file(sizes, 1 if quick else 3)
    rows += await waiters(1_000 if quick else 10_000, 1 if quick else 3)
    if not quick:
        rows += await waiters(100_000, 1)
    print_table(rows)


asyncio.run(main(quick="--quick" in sys.argv))
