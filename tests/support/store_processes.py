"""Programs on one SQLite store: real processes, each with a quota of 50."""

import subprocess
import sys
import textwrap
from pathlib import Path

TESTS = Path(__file__).parents[1]


def process(code, *args):
    """Start a program that has a store, a quota of 50 and what this module imports."""
    program = textwrap.dedent("""
        import asyncio, os, sys
        sys.path.insert(0, {tests!r})
        from support.stores import a_quota
        from cliq_async.quota.limiter import Limiter
        from cliq_async.quota.model import Denied, TokenOutcome
        from cliq_async.quota.stores.sqlite import SqliteStore

        store, quota = SqliteStore(sys.argv[1]), a_quota(50)

        async def take(token):
            got = await store.take(quota, token, lease_s=131.0)
            return not isinstance(got, Denied)

        async def takes(first, number):
            return sum([await take(first + each) for each in range(number)])
    """).format(tests=str(TESTS)) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE, text=True
    )


def output(started):
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    return out.strip()
