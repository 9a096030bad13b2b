"""Bots as code against a sandbox: a folder, a client without waits, and requests that kill."""

import tomllib
from contextlib import asynccontextmanager

from cliq_async import CliqClient
from cliq_async.deploy.apply import apply_plan
from cliq_async.deploy.desired import load_bots
from cliq_async.deploy.lock import LockFile
from cliq_async.deploy.planner import make_plan
from cliq_async.deploy.pull import pull_bots, write_bots
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.transport.aiohttp import AiohttpTransport

LIMITS = dict.fromkeys(ENDPOINTS, Limit(10_000))


class Killed(BaseException):
    """The program ends here, as by a signal."""


class KillingTransport:
    """Ends the program at a request, or at a change: before it leaves, or after it was done."""

    def __init__(self, at, *, sent, writes=False):
        self.count = 0
        self._at = at
        self._sent = sent
        self._writes = writes
        self._inner = AiohttpTransport()

    async def send(self, request, permit):
        self.count += not self._writes or request.method != "GET"
        if self.count == self._at and not self._sent:
            raise Killed
        answer = await self._inner.send(request, permit)
        if self.count == self._at and (not self._writes or request.method != "GET"):
            raise Killed
        return answer

    async def close(self):
        await self._inner.close()


@asynccontextmanager
async def connected(sandbox, **options):
    """A client whose quota is that of the sandbox's `LIMITS`."""
    settings = {"quota": "memory://", "limits": LIMITS, "account": sandbox.url}
    async with CliqClient("ann", base_url=sandbox.url, **(settings | options)) as client:
        yield client


class Folder:
    """A folder with `cliq.toml`, its scripts and `cliq.lock`."""

    def __init__(self, path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def write(self, toml, **scripts):
        (self.path / "cliq.toml").write_text(toml)
        for name, script in scripts.items():
            (self.path / f"{name}.dg").write_text(script)

    def lock(self, url):
        return LockFile(self.path / "cliq.lock", url)

    def bots(self):
        tables = tomllib.loads((self.path / "cliq.toml").read_text())["bots"]
        return load_bots(tables, self.path)

    async def plan(self, client, url, **options):
        return await make_plan(client, self.bots(), self.lock(url), **options)

    async def apply(self, client, url, **options):
        plan = await self.plan(client, url, **options)
        await apply_plan(client, plan, self.lock(url))
        return plan

    async def pull(self, client, url, *references):
        pulled = await pull_bots(client, references)
        write_bots(self.path / "cliq.toml", self.lock(url), pulled)
        return pulled


def actions(plan):
    """The steps of a plan, as words."""
    return [step.action for step in plan.steps]


async def described(client):
    """All bots that were created, with their handlers in full, without ids."""
    found = {}
    async for bot in client.bots.iter():
        if bot.unique_name == "supportbot":
            continue
        handlers = []
        for each in (await client.bots.get(bot.id)).handlers:
            got = await client.handlers.get(bot.id, each.type, handler_id=each.id or None)
            handlers.append((each.type, each.name, each.icon, got.script, sorted(got.permissions)))
        fields = (bot.description, bot.scope, bot.execution_url, bot.status_messages, bot.calls)
        assert bot.name not in found
        found[bot.name] = (*fields, sorted(handlers))
    return found
