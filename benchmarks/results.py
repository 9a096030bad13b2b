"""What was measured, as JSON: with the versions of all that took part, and no names of hosts."""

import json
import os
import platform
from pathlib import Path

import attrs
from installed import version_of
from measuring import Row

_TOOK_PART = (
    "cliq_async",
    "aiogram",
    "aiohttp",
    "aiolimiter",
    "aiometer",
    "attrs",
    "cattrs",
    "cryptography",
    "discord.py",
    "fastapi",
    "hikari",
    "httptools",
    "httpx",
    "limits",
    "msgspec",
    "orjson",
    "pydantic",
    "pyrate-limiter",
    "python-telegram-bot",
    "slack-bolt",
    "slack_sdk",
    "starlette",
    "throttled-py",
    "uvicorn",
    "uvloop",
)


def where() -> dict[str, object]:
    """On what it was measured: the kind, not the machine."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "versions": {package: version_of(package) for package in _TOOK_PART},
    }


def part(title: str, rows: list[Row], took_s: float, more: dict[str, object]) -> dict[str, object]:
    """One part's results."""
    return {
        "title": title,
        "took_s": round(took_s, 1),
        "rows": [attrs.asdict(row) for row in rows],
        **more,
    }


def write(path: Path, results: dict[str, object]) -> None:
    """Write them down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
