"""Measure it all: `python -m benchmarks`, or `--quick` to see that it runs."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "tests"))  # they can start a Redis

from measuring import print_table
from parts import PARTS
from results import part, where, write

_IMAGES = Path(__file__).parent.parent / "docs" / "images"
_LATEST = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    """Print the tables, and then what was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--json", type=Path, help="where to put the results")
    parser.add_argument("--strict", action="store_true", help="fail if a bar was missed")
    options = parser.parse_args()
    full = not options.quick and not options.only
    path = options.json or (_LATEST if full else None)

    missed, parts = [], {}
    for name in options.only or PARTS:
        title, run = PARTS[name].title, PARTS[name].run
        print(f"{title} ({name})", flush=True)
        started = time.monotonic()
        rows, more = run(quick=options.quick)
        took_s = time.monotonic() - started
        print_table(rows)
        print(f"took {took_s:.0f} s\n", flush=True)
        parts[name] = part(title, rows, took_s, more)
        missed += [row for row in rows if row.missed]

    if full:
        from plots import draw  # noqa: PLC0415 - matplotlib is wanted for nothing else

        for plot in draw(parts["lockouts"], _IMAGES):
            print(f"drew {plot.name}")
    if path is not None:
        write(path, {**where(), "quick": options.quick, "parts": parts})
    if options.quick:
        print("Quick: it all runs; the numbers are of too few rounds to hold anything.")
    if missed:
        print("MISSED:")
        print_table(missed)
    else:
        print("All that is to be held was held.")
    return int(options.strict and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
