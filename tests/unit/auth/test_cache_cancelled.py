"""A renewal that is given up at any moment: no claim is left, and the others get their token."""

import asyncio
import inspect
from typing import Any

import pytest
from support.scripted import answer, moved
from support.token_processes import Accounts
from support.token_providers import CREDENTIALS, UNREADY, URL, value

from cliq_async.auth.provider import make_token_provider
from cliq_async.errors import AuthError
from cliq_async.quota.stores.memory import MemoryStore

DENIED = answer(400, {"error": "Access Denied"})
REFUSED = answer(200, {"error": "invalid_code"})


class Stepping:
    """A store whose every question takes some turns of the loop, before and after it is asked."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def stepping(*args, **options):
            await asyncio.sleep(0)
            result = await found(*args, **options)
            await asyncio.sleep(0)
            return result

        return stepping


@pytest.mark.parametrize("trouble", [None, UNREADY, DENIED, REFUSED])
@moved
async def test_refresh_cancelled_at_any_moment_leaves_neither_claim_nor_token_behind(trouble):
    loop = asyncio.get_running_loop()
    for turns in range(45):
        memory = MemoryStore(clock=loop.time)
        accounts = Accounts(delay_s=0.0)
        if trouble is not None:
            accounts.down_until, accounts.trouble = loop.time() + 1e9, trouble
        store: Any = Stepping(memory)
        source = make_token_provider(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        deadline = loop.time() if trouble is not None else None
        callers = [asyncio.create_task(value(source, deadline)) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        await source.close()
        for each in await asyncio.gather(*callers, return_exceptions=True):
            assert isinstance(each, str | AuthError), (turns, each)
        assert not [name for name in memory._records if name.endswith("claim")], turns
        held = [bucket.held for bucket in memory._buckets.values()]
        assert held in ([], [{}]), turns
        accounts.down_until = 0.0
        memory._records = {n: each for n, each in memory._records.items() if "trouble" not in n}
        began = loop.time()
        other = make_token_provider(CREDENTIALS, accounts.transport, memory, accounts_url=URL)
        assert await value(other)
        assert loop.time() - began < 1.0
        await other.close()


@pytest.mark.parametrize("trouble", [None, UNREADY, DENIED])
@moved
async def test_callers_cancelled_at_any_moment_leave_the_others_their_token(trouble):
    loop = asyncio.get_running_loop()
    for turns in range(40):
        accounts = Accounts(delay_s=0.0)
        if trouble is not None:
            accounts.down_until, accounts.trouble = loop.time() + 1.0, trouble
        store: Any = Stepping(MemoryStore(clock=loop.time))
        source = make_token_provider(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        callers = [asyncio.create_task(value(source)) for _ in range(6)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for each in callers[::2]:
            each.cancel()
        got = await asyncio.gather(*callers, return_exceptions=True)
        assert got[1::2] == ["token-1"] * 3
        assert accounts.made == 1
        assert len(accounts.asked) == (1 if trouble is None else 2)
        await source.close()
