"""How long an import takes in a fresh process, beside aiohttp alone and other clients."""

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from installed import left_out
from measuring import Row

_BASE = "aiohttp"
_OURS = "cliq_async"
_PEERS = {
    "slack_sdk": "slack_sdk.web.async_client",
    "discord.py": "discord",
    "hikari": "hikari",
    "python-telegram-bot": "telegram",
}
_MORE_MS = 100.0
_PROGRAM = """
import json, sys, time
wall, cpu = time.perf_counter(), time.process_time()
__import__(sys.argv[1])
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
"""


def _imported(module: str, compiled: str) -> tuple[float, float]:
    """Milliseconds on the wall, and of CPU; what is compiled is kept in a folder of its own."""
    command = [sys.executable, "-c", _PROGRAM, module]
    environment = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    wall_s, cpu_s = json.loads(done.stdout)
    return 1000.0 * wall_s, 1000.0 * cpu_s


def imports(repeat: int) -> list[Row]:
    """Each in turn, `repeat` times: the least CPU, since all else on the machine makes it more."""
    # The package loads its names on first use: the client is what a program then pays for.
    modules = {_BASE: _BASE, _OURS: f"{_OURS}.client"} | _PEERS
    there = {name: it for name, it in modules.items() if find_spec(it.partition(".")[0])}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in there}
    with tempfile.TemporaryDirectory() as compiled:
        for module in there.values():
            _imported(module, compiled)  # once to have it compiled
        for _ in range(repeat):
            for name, module in there.items():
                found[name].append(_imported(module, compiled))
    rows = []
    for name in modules:
        if name not in found:
            rows.append(left_out(f"import {name}"))
            continue
        wall_ms, cpu_ms = map(min, zip(*found[name], strict=True))
        numbers = {"cpu_ms": cpu_ms, "wall_ms": wall_ms}
        value = f"{cpu_ms:.0f} ms CPU"
        if name == _OURS:
            more_ms = cpu_ms - min(base_ms for _, base_ms in found[_BASE])
            numbers["more_ms"] = more_ms
            value = f"{cpu_ms:.0f} ms CPU, {more_ms:+.0f}"
            bar = f"≤ aiohttp + {_MORE_MS:.0f} ms"
            rows.append(
                Row(f"import {name}", value, None, bar, more_ms <= _MORE_MS, numbers=numbers)
            )
        else:
            rows.append(Row(f"import {name}", value, numbers=numbers))
    return rows
