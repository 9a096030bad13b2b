"""The benchmark of lockouts: peers are limited in virtual time, and their locks are seen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
PROGRAM = """
import json, sys
from functools import partial

sys.path[:0] = sys.argv[1:3]
from contenders import CONTENDERS
from runs import prepare
from scenarios import alone, play
from virtual_time import run

prepare()
kind, *names = sys.argv[3:]
found = {}
for each in CONTENDERS.values():
    if kind == "alone" and each.installed:
        low, high = each.alone_s
        found[each.name] = low <= run(partial(alone, each.name)) <= high
for name in names:
    found[name] = run(partial(play, name, "plain", "rolling", 0, 200))
    found[name + " in a crash loop"] = run(partial(play, name, "crash loop", "rolling", 0, 200))
print(json.dumps(found))
"""


def outcome(*arguments):
    """What a process finds whose clocks it may move."""
    folders = [str(FOLDER), str(Path(__file__).parents[1])]
    return json.loads(
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *folders, *arguments], check=True, capture_output=True
        ).stdout
    )


def test_every_installed_limiter_takes_the_moved_time_it_should_alone():
    found = outcome("alone")
    assert "aiolimiter(25, 60)" in found  # it comes with the package
    assert [name for name, as_it_should in found.items() if not as_it_should] == []


def test_a_lock_is_counted_waited_out_and_everything_is_delivered():
    ours, theirs = "cliq_async", "aiolimiter(50, 60)"
    found = outcome("play", ours, theirs)
    assert (found[ours]["lockouts"], found[ours]["peak"]) == (0, 50)
    assert found[ours]["ratio"] == pytest.approx(1.0, abs=0.1)
    assert found[theirs]["lockouts"] == 3
    assert found[theirs]["ratio"] == pytest.approx(3 * 600.0 / 180.0, abs=0.5)
    assert len(found[ours]["accepted"]) == len(found[theirs]["accepted"]) == 200
    assert found[f"{ours} in a crash loop"]["lockouts"] == 0
    assert found[f"{theirs} in a crash loop"]["lockouts"] > 0
