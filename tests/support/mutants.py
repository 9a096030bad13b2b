"""Mutants that survived and are not explained, and the reverse: `make mutants` fails on them.

Reads what mutmut wrote down, and `mutants.toml` beside this file. A mutant is named there by its
function and the line that it makes, since mutmut's numbers move with every change.
"""

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path

from mutmut.mutation.diff_apply import (  # pyright: ignore[reportMissingImports] - own group
    get_diff_for_mutant,
)

HERE = Path(__file__).parent
RESULTS = Path("mutants")
SURVIVED, UNTESTED, UNCHECKED = 0, 33, None


def made(diff):
    """The lines that a mutant makes."""
    lines = [line[1:].strip() for line in diff.splitlines() if line.startswith("+")]
    return " ".join(line for line in lines if not line.startswith("++ "))


def function(mutant):
    """`cliq_async.quota.token.xǁTokenǁend__mutmut_1` is `quota.token.Token.end`."""
    name = mutant.rpartition("__mutmut_")[0].removeprefix("cliq_async.")
    return name.replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")


def survivors(explained):
    """Says how each module fared; returns the survivors that nobody explained, and the reverse."""
    left = []
    needless = {(name, change) for name, changes in explained.items() for change in changes}
    for results in sorted(RESULTS.rglob("*.meta")):
        source = results.relative_to(RESULTS).with_suffix("")
        ends = json.loads(results.read_text())["exit_code_by_key"]
        counts = Counter()
        for mutant, code in ends.items():
            if code not in (SURVIVED, UNTESTED, UNCHECKED):
                counts["killed"] += 1
                continue
            change = made(get_diff_for_mutant(mutant, path=str(source)))
            known = change in explained.get(function(mutant), {})
            needless.discard((function(mutant), change))
            counts["explained" if known else "left"] += 1
            if not known:
                what = {UNTESTED: "no test runs it: ", UNCHECKED: "not tried: "}.get(code, "")
                left.append(f"{function(mutant)}: {what}{change}\n    mutmut show {mutant}")
        if ends:
            print(f"{source}: {len(ends)} mutants, {dict(counts)}")  # noqa: T201
    return [*left, *(f"{name}: explained, and does not survive: {it}" for name, it in needless)]


if __name__ == "__main__":
    found = survivors(tomllib.loads((HERE / "mutants.toml").read_text()))
    sys.exit("\n".join(["", *found, f"{len(found)} survived"]) if found else None)
