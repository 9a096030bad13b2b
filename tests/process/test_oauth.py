"""Several processes with one refresh token: real processes, in the sandbox's scaled time."""

import asyncio
import json
import sys

from support.tcp_servers import Server

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

CALLS = """
import asyncio, json, sys
from cliq_async import CliqClient, RefreshToken

async def main(url, quota):
    auth = RefreshToken("1000.CLIENT", "secret", "1000.refresh", accounts_url=url)
    async with CliqClient(auth, base_url=url, quota=quota, max_wait_s=20.0) as client:
        async def call(number):
            await asyncio.sleep(number / 40)
            try:
                await client.bots.list(limit=1)
            except Exception as error:
                return repr(error)
        got = await asyncio.gather(*(call(number) for number in range(9)))
    print(json.dumps([got.count(None), [each for each in got if each]]))

asyncio.run(main(*sys.argv[1:]))
"""


async def processes(many: int, *arguments: object, program: str = TRAFFIC) -> list[list]:
    """Run a program in several processes; what each of them did, and what failed."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, *map(str, arguments), stdout=asyncio.subprocess.PIPE
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


async def test_three_processes_meet_a_second_of_denials_with_three_requests_at_the_most(tmp_path):
    asked: list[float] = []

    async def play(exchange):
        while True:
            head = await exchange.request()
            status, body = b"200 OK", b'{"data": []}'
            if head.startswith(b"POST /oauth"):
                asked.append(asyncio.get_running_loop().time())
                if asked[-1] < asked[0] + 1.0:
                    status, body = b"400 Bad Request", b'{"error": "Access Denied"}'
                else:
                    body = b'{"access_token": "1000.token", "expires_in": 3600}'
            await exchange.answer(
                b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
            )

    async with Server(play) as server:
        url, quota = server.url.removesuffix("/api"), f"sqlite://{tmp_path}/quota.db"
        said = await processes(3, url, quota, program=CALLS)
    assert said == [[9, []]] * 3
    assert 2 <= len(asked) <= 3
