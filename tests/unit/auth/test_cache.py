"""Access tokens that processes share by their store: each here has a store object of its own."""

import asyncio
import random

from support.scripted import moved
from support.stores import inline_sqlite
from support.token_processes import KINDS, Accounts, a_home
from support.token_providers import CREDENTIALS, URL, value

from cliq_async.auth.provider import AccessToken, make_token_provider


@KINDS
@moved
async def test_ten_processes_make_one_token_and_one_more_when_it_ends(kind, tmp_path):
    accounts = Accounts()
    async with a_home(kind, tmp_path) as home:
        processes = [home.process(accounts) for _ in range(10)]
        for number in range(1, 4):
            calls = [value(each) for each in processes for _ in range(5)]
            assert set(await asyncio.gather(*calls)) == {f"token-{number}"}
            assert accounts.made == number
            await asyncio.sleep(3600)


@KINDS
@moved
async def test_traffic_over_many_lives_makes_no_token_more_than_it_needs(kind, tmp_path):
    accounts = Accounts(life_s=600)
    rng = random.Random(1)
    loop = asyncio.get_running_loop()

    async def traffic(source):
        while loop.time() < 6000:
            number = int((await value(source)).partition("-")[2])
            ended_at = accounts.asked[number - 1] - 1.0 + 600
            assert loop.time() + 4.9 < ended_at, "a slow request would have come too late"
            await asyncio.sleep(rng.expovariate(0.02))

    async with a_home(kind, tmp_path) as home:
        await asyncio.gather(*(traffic(home.process(accounts)) for _ in range(4)))
    assert accounts.made <= 6000 / (600 - 60) + 1


@KINDS
@moved
async def test_later_process_takes_the_token_that_is_there(kind, tmp_path):
    accounts = Accounts()
    async with a_home(kind, tmp_path) as home:
        assert await value(home.process(accounts)) == "token-1"
        await asyncio.sleep(1800)
        later = home.process(accounts)
        assert await value(later) == "token-1"
        await asyncio.sleep(1739)
        assert await value(later) == "token-2", "it knows when the token ends"
    assert accounts.made == 2


@KINDS
@moved
async def test_revoked_token_is_thrown_away_for_all_and_one_new_one_made(kind, tmp_path):
    accounts = Accounts()
    async with a_home(kind, tmp_path) as home:
        processes = [home.process(accounts) for _ in range(4)]
        old = [await each.token() for each in processes]
        assert {each.value for each in old} == {"token-1"}

        async def refused(source, access):
            await asyncio.sleep(random.Random(access.value).random())
            assert source.invalidate(access)
            return await value(source)

        calls = [refused(*pair) for pair in zip(processes, old, strict=True) for _ in range(5)]
        assert set(await asyncio.gather(*calls)) == {"token-2"}
        assert accounts.made == 2
        assert processes[0].invalidate(AccessToken("token-1")), "a late refusal of the old one"
        assert await value(processes[0]) == "token-2"
        assert await value(home.process(accounts)) == "token-2"
    assert accounts.made == 2


@KINDS
@moved
async def test_revoked_token_is_given_to_nobody_while_the_next_is_made(kind, tmp_path):
    accounts = Accounts(delay_s=5.0)
    async with a_home(kind, tmp_path) as home:
        one = home.process(accounts)
        assert one.invalidate(await one.token())
        renewing = asyncio.create_task(value(one))
        await asyncio.sleep(1.0)
        assert await value(home.process(accounts)) == "token-2"
        assert await renewing == "token-2"


@KINDS
@moved
async def test_while_another_process_refreshes_the_old_token_is_used(kind, tmp_path):
    accounts = Accounts(delay_s=5.0)
    loop = asyncio.get_running_loop()
    async with a_home(kind, tmp_path) as home:
        one, two = home.process(accounts), home.process(accounts)
        assert [await value(one), await value(two)] == ["token-1", "token-1"]
        await asyncio.sleep(3545)
        first = asyncio.create_task(value(one))
        await asyncio.sleep(1)
        began = loop.time()
        assert await value(two) == "token-1"
        assert await value(home.process(accounts)) == "token-1"
        assert loop.time() - began < 0.1
        assert await first == "token-2"
        await asyncio.sleep(0.5)
        assert await value(two) == "token-2"
    assert accounts.made == 2


@moved
async def test_token_can_be_had_at_once_after_the_machine_was_started_anew(tmp_path):
    accounts = Accounts()
    loop = asyncio.get_running_loop()
    for boot in ("one", "two"):
        store = inline_sqlite(tmp_path / "quota.db", loop.time, boot=boot)
        source = make_token_provider(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        source.invalidate(await source.token(loop.time()))
        assert await source.token(loop.time())
        await store.close()
    assert accounts.made == 4, "the token from before is not trusted"
