"""A fake Cliq that only lists subscribers, for tests of the sync."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import attrs
import pytest

from cliq_async.client import CliqClient
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sync.sync import sync_subscribers
from cliq_async.testing import FakeRequest, FakeTransport

Person = tuple[str, str]

OPS = "ops"


@attrs.define(eq=False, slots=False)
class Cliq:
    """A fake Cliq that returns pages of subscribers, in the order in which they joined.

    A next token holds where the page begins and since when. A sync token that is not `good` is
    refused, and so is every next token while `forgets` is set.
    """

    bots: dict[str, dict[str, Person]]
    forgets: bool = False
    good: set[str] = attrs.Factory(set)
    revision: int = 0
    changes: list[tuple[int, str, str]] = attrs.Factory(list)
    before: Callable[[FakeRequest], Any] | None = None
    answers: list[Any] = attrs.Factory(list)

    def __attrs_post_init__(self) -> None:
        self.transport = FakeTransport(self.answer)

    @classmethod
    def of(cls, many: int, *bots: str) -> "Cliq":
        people = {str(100 + n): (f"name {n}", f"{n}@example.com") for n in range(many)}
        return cls({bot: dict(people) for bot in bots or ("ops",)})

    def put(self, bot: str, user_id: str, name: str = "new") -> None:
        """Add or change a subscriber."""
        self.bots[bot][user_id] = (name, f"{user_id}@example.com")
        self.revision += 1
        self.changes.append((self.revision, bot, user_id))

    def drop(self, bot: str, user_id: str) -> None:
        """Remove a subscriber."""
        del self.bots[bot][user_id]

    async def answer(self, request: FakeRequest) -> Any:
        if self.before is not None:
            found = self.before(request)
            if asyncio.iscoroutine(found):
                found = await found
            if found is not None:
                return found
        bot, query = request.path["bot_id_or_unique_name"], request.query
        if bot not in self.bots:
            return 404, {"code": "bot_not_found", "message": "no such bot"}
        start, since = 0, query.get("sync_token", "")
        if "next_token" in query:
            if self.forgets:
                return 400, {"message": "what next token?"}
            place, _, since = query["next_token"].partition(":")
            start = int(place)
        elif since and since not in self.good:
            return 400, {"code": "token_expired", "message": "too old"}
        found = list(self.bots[bot].items())
        if since:
            new = {user for at, of, user in self.changes if of == bot and at > int(since)}
            found = [(user, person) for user, person in found if user in new]
        end = start + int(query.get("limit", 20))
        token = str(self.revision)
        self.good.add(token)
        page: dict[str, Any] = {
            "data": [{"user_id": u, "name": n, "email_id": e} for u, (n, e) in found[start:end]],
            "sync_token": token,
        }
        if end < len(found):
            page["next_token"] = f"{end}:{since}"
        self.answers.append(page)
        return page

    def client(self, **options: Any) -> CliqClient:
        return CliqClient("token", transport=self.transport, quota=MemoryStore(), **options)

    async def sync(self, path: Any, bots: Any = "ops", **options: Any) -> Any:
        async with self.client() as client:
            return await sync_subscribers(client, bots, path, **{"limit": 10, **options})

    async def sync_one(self, path: Any, bot: str = "ops", **options: Any) -> Any:
        """Sync one bot, which must not fail, and return its result."""
        report = await self.sync(path, bot, **options)
        (only,) = report.bots
        assert report.errors == {}
        return only


async def with_three_pages(kind, path):
    """Return a Cliq whose next sync, full or incremental, reads 25 new subscribers."""
    cliq = Cliq.of(25)
    if kind == "incremental":
        await cliq.sync_one(path)
        for number in range(25):
            cliq.put(OPS, str(500 + number))
    return cliq


async def a_synced_file(path):
    """Return a Cliq of two bots, synced twice; in between, users left one bot, or both."""
    cliq = Cliq.of(5, "ops", "hr")
    cliq.put("hr", "7")
    await cliq.sync(path, ["ops", "hr"])
    for bot, user in (("ops", "100"), ("ops", "101"), ("hr", "101"), ("hr", "102")):
        cliq.drop(bot, user)
    await cliq.sync(path, ["ops", "hr"], full=True)
    return cliq


async def cancelled_at(cliq, path, at, **options):
    """Start a sync and cancel it at a request that gets no response."""
    arrived, number = asyncio.Event(), 0

    async def stop(_):
        nonlocal number
        number += 1
        if number == at:
            arrived.set()
            await asyncio.get_running_loop().create_future()

    cliq.before = stop
    running = asyncio.create_task(cliq.sync(path, **options))
    await arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    cliq.before = None


def listed(path: Any, bot: str = "ops", where: str = '"left" IS NULL') -> list[str]:
    """Return the ids in a file."""
    query = f"SELECT user_id FROM subscriber WHERE bot = ? AND {where} ORDER BY user_id"
    return [user for (user,) in selected(path, query, bot)]


def selected(path: Any, query: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(query, values).fetchall()
