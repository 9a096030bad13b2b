"""Processes that share access tokens, and the accounts server that makes them."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import pytest
from support import redis_servers
from support.scripted import Scripted, answer
from support.stores import Inline, inline_sqlite
from support.token_providers import CREDENTIALS, UNREADY, URL

from cliq_async.auth.provider import make_token_provider
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.redis import RedisStore


class Accounts:
    """An accounts server: counts what it makes, and is slow."""

    def __init__(self, *, life_s=3600, delay_s=1.0):
        self.life_s = life_s
        self.made = 0
        self.asked: list[float] = []
        self.down_until = 0.0
        self.trouble = UNREADY
        self.transport = Scripted([self.answer], delay_s)

    def answer(self, _request):
        now = asyncio.get_running_loop().time()
        self.asked.append(now)
        if now < self.down_until:
            return self.trouble
        self.made += 1
        return answer(200, {"access_token": f"token-{self.made}", "expires_in": self.life_s})


class Home:
    """Where the stores of several processes are one."""

    def __init__(self, kind, tmp_path, stack):
        self.kind = kind
        self.path = tmp_path / "quota.db"
        self.stack = stack
        self.memory: Any = None

    def store(self) -> Any:
        clock = asyncio.get_running_loop().time
        if self.kind == "memory":
            self.memory = self.memory or MemoryStore(clock=clock)
            return self.memory
        if self.kind == "sqlite":
            made: Any = inline_sqlite(self.path, clock, boot="one")
        else:
            url = redis_servers.shared().url
            made = RedisStore(url, clock=clock, server_time=lambda: 1e6 + clock())
            made._worker = Inline(made._worker.backend)
        self.stack.push_async_callback(made.close)
        return made

    def process(self, accounts, **options) -> Any:
        auth = attrs.evolve(CREDENTIALS, **options.pop("auth", {}))
        return make_token_provider(
            auth, accounts.transport, self.store(), accounts_url=URL, **options
        )


@asynccontextmanager
async def a_home(kind, tmp_path):
    if kind == "redis":
        client = redis_servers.shared().client()
        client.flushdb()
        client.close()
    async with AsyncExitStack() as stack:
        yield Home(kind, tmp_path, stack)


KINDS = pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
