"""An accounts server in trouble, or that gives no more: processes ask it together as one would."""

import asyncio

import pytest
from support.scripted import Scripted, moved
from support.token_processes import KINDS, Accounts, a_home
from support.token_providers import value

from cliq_async.errors import AuthError, CliqError


@KINDS
@moved
async def test_trouble_that_is_over_is_forgotten(kind, tmp_path):
    accounts = Accounts(delay_s=0.0)
    accounts.down_until = 4.0
    loop = asyncio.get_running_loop()
    async with a_home(kind, tmp_path) as home:
        one = home.process(accounts)
        with pytest.raises(AuthError):
            await one.token(0.0)
        assert one.invalidate(await one.token())
        accounts.down_until = 1e9
        asked = len(accounts.asked)
        with pytest.raises(AuthError):
            await one.token(loop.time())
        assert len(accounts.asked) == asked + 3


@KINDS
@moved
async def test_process_that_died_while_refreshing_holds_the_others_up_for_seconds(kind, tmp_path):
    accounts = Accounts()
    loop = asyncio.get_running_loop()
    async with a_home(kind, tmp_path) as home:
        dying = home.process(accounts)
        dying._issuer._transport = Scripted(["hang"])
        dead = asyncio.create_task(value(dying))
        await asyncio.sleep(1)
        calls = (value(home.process(accounts)) for _ in range(5))
        assert set(await asyncio.gather(*calls)) == {"token-1"}
        assert loop.time() < 25
        await dying.close()
        await asyncio.gather(dead, return_exceptions=True)
        assert await value(home.process(accounts)) == "token-1", "the late one drops nothing"
    assert accounts.made == 1


@KINDS
@moved
async def test_processes_together_ask_a_server_in_trouble_ever_less(kind, tmp_path):
    accounts = Accounts(delay_s=0.0)
    accounts.down_until = 150.0
    loop = asyncio.get_running_loop()

    async def call(source):
        while loop.time() < 150.0:
            with pytest.raises(AuthError, match="HTTP 503"):
                await source.token(loop.time() + 1.0)
            await asyncio.sleep(1.0)
        return await value(source)

    async with a_home(kind, tmp_path) as home:
        got = await asyncio.gather(*(call(home.process(accounts)) for _ in range(5)))
    assert set(got) == {"token-1"}
    assert len(accounts.asked) <= 10
    assert loop.time() < 150.0 + 75.0


@KINDS
@moved
async def test_ten_tokens_in_ten_minutes_are_those_of_all_processes(kind, tmp_path):
    accounts = Accounts(life_s=20, delay_s=0.0)
    loop = asyncio.get_running_loop()

    async def traffic(source):
        while loop.time() < 1800:
            try:
                await source.token(loop.time() + 5.0)
            except CliqError:
                await asyncio.sleep(5.0)
            await asyncio.sleep(1.0)

    async with a_home(kind, tmp_path) as home:
        await asyncio.gather(*(traffic(home.process(accounts)) for _ in range(3)))
    assert len(accounts.asked) >= 20
    for first, eleventh in zip(accounts.asked, accounts.asked[10:], strict=False):
        assert eleventh - first >= 600.0
