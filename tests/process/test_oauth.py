"""Several processes with one refresh token: real processes, in the sandbox's scaled time."""

import asyncio
import json
import sys

from cliq_async.sandbox import Sandbox
from cliq_async.testing import sandbox_in_thread

TRAFFIC = """
import asyncio, json, sys, time
from cliq_async import CliqClient, RefreshToken

async def main(url, quota, scale, seconds):
    auth = RefreshToken("1000.CLIENT", "secret", "1000.refresh", accounts_url=url)
    options = dict(base_url=url, quota=quota, time_scale=scale, straggler_s=1.0)
    done, failed, until = 0, [], time.monotonic() + seconds
    async with CliqClient(auth, **options) as client:
        async def traffic():
            nonlocal done
            while not done or time.monotonic() < until:
                try:
                    await client.bots.list()
                    done += 1
                except Exception as error:
                    failed.append(repr(error))
        await asyncio.gather(*(traffic() for _ in range(5)))
    print(json.dumps([done, failed]))

url, quota, scale, seconds = sys.argv[1:]
asyncio.run(main(url, quota, float(scale), float(seconds)))
"""


async def processes(many: int, *arguments: object) -> list[list]:
    """Run the traffic in several processes; what each of them did, and what failed."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", TRAFFIC, *map(str, arguments), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(many)
    ]
    said = await asyncio.gather(*(each.communicate() for each in started))
    return [json.loads(out) for out, _ in said]


async def ten_minutes(tmp_path, *, life_s: float, scale: float) -> tuple[Sandbox, list[list]]:
    with sandbox_in_thread(time_scale=scale, token_life_s=life_s) as sandbox:
        quota = f"sqlite://{tmp_path}/quota.db"
        return sandbox, await processes(4, sandbox.url, quota, scale, 600.0 / scale)


async def test_four_processes_share_each_token_and_no_caller_sees_a_refusal(tmp_path):
    sandbox, said = await ten_minutes(tmp_path, life_s=120.0, scale=120.0)
    report = sandbox.report()
    assert [failed for _, failed in said] == [[]] * 4
    assert all(done for done, _ in said)
    # Each is renewed 30 s before its end, and none is made twice; starting takes some of the time.
    assert 5 <= report["tokens_issued"] <= 600 / 90 + 2
    assert report["token_requests"] == report["tokens_issued"]
    assert report["lockouts"] == []


async def test_processes_that_start_together_make_one_token(tmp_path):
    with sandbox_in_thread(time_scale=60.0) as sandbox:
        quota = f"sqlite://{tmp_path}/quota.db"
        said = await processes(5, sandbox.url, quota, 60.0, 0.0)
        assert [failed for _, failed in said] == [[]] * 5
        assert sandbox.report()["tokens_issued"] == 1
