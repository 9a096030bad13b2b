"""An accounts server in trouble, or that gives no more: processes ask it together as one would."""

import asyncio

import pytest
from support.scripted import Scripted, answer, moved
from support.token_processes import KINDS, Accounts, a_home
from support.token_providers import UNREADY, value

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
            await one.token(loop.time() + 4.0)
        assert len(accounts.asked) == asked + 3, "the pauses are short again"


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


@pytest.mark.parametrize(
    ("trouble", "most"),
    [(answer(400, {"error": "Access Denied"}), 3), (UNREADY, 3), (answer(200, b"<html>"), 3)],
)
@KINDS
@moved
async def test_processes_that_meet_a_second_of_trouble_share_one_request_for_it(
    kind, trouble, most, tmp_path
):
    accounts = Accounts(delay_s=0.05)
    accounts.down_until, accounts.trouble = 1.0, trouble
    loop = asyncio.get_running_loop()

    async def call(source, number):
        await asyncio.sleep(number / 20)
        return await value(source, loop.time() + 20.0)

    async with a_home(kind, tmp_path) as home:
        sources = [home.process(accounts) for _ in range(3)]
        got = await asyncio.gather(*(call(sources[n % 3], n // 3) for n in range(60)))
    assert set(got) == {"token-1"}
    assert len(accounts.asked) <= most
    assert loop.time() < 3.0


@KINDS
@moved
async def test_refused_credentials_cost_the_processes_one_request_a_minute(kind, tmp_path):
    accounts = Accounts(delay_s=0.05)
    accounts.down_until, accounts.trouble = 150.0, answer(200, {"error": "invalid_code"})
    loop = asyncio.get_running_loop()

    async def call(source):
        while loop.time() < 150.0:
            with pytest.raises(AuthError, match="invalid_code"):
                await source.token(loop.time() + 75.0)
            await asyncio.sleep(0.5)

    async with a_home(kind, tmp_path) as home:
        await asyncio.gather(*(call(home.process(accounts)) for _ in range(3)))
        assert len(accounts.asked) == 3
        await asyncio.sleep(60.0)
        assert await value(home.process(accounts), loop.time()) == "token-1"


@KINDS
@moved
async def test_another_secret_is_tried_at_once(kind, tmp_path):
    accounts = Accounts(delay_s=0.0)
    accounts.down_until, accounts.trouble = 1.0, answer(200, {"error": "invalid_client"})
    async with a_home(kind, tmp_path) as home:
        with pytest.raises(AuthError):
            await home.process(accounts).token()
        await asyncio.sleep(1.0)
        with pytest.raises(AuthError):
            await home.process(accounts).token()
        mended = home.process(accounts, auth={"client_secret": "the-right-one"})
        assert await value(mended, 1.0) == "token-1"


@KINDS
@moved
async def test_calls_far_apart_spend_no_more_of_the_ten_on_trouble_than_calls_at_once(
    kind, tmp_path
):
    accounts = Accounts(delay_s=0.0)
    accounts.down_until, accounts.trouble = 90.0, answer(400, {"error": "Access Denied"})
    loop = asyncio.get_running_loop()
    async with a_home(kind, tmp_path) as home:
        while loop.time() < 90.0:
            with pytest.raises(AuthError, match="Access Denied"):
                await home.process(accounts).token(loop.time())
            await asyncio.sleep(3.0)
        assert len(accounts.asked) <= 7
        assert await value(home.process(accounts), loop.time() + 90.0) == "token-1"


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
