"""Access tokens that processes share by their store: each here has a store object of its own."""

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import pytest
import redis_servers
from authorities import CREDENTIALS, UNREADY, URL, value
from scripted import Scripted, answer, moved
from stores import Inline, inline_sqlite

from cliq_async.auth import AccessToken, authority
from cliq_async.errors import AuthError, CliqError, QuotaStoreError
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.redis import RedisStore


class Accounts:
    """An accounts server: counts what it makes, and is slow."""

    def __init__(self, *, life_s=3600, delay_s=1.0):
        self.life_s = life_s
        self.made = 0
        self.asked: list[float] = []
        self.down_until = 0.0
        self.transport = Scripted([self.answer], delay_s)

    def answer(self, _request):
        now = asyncio.get_running_loop().time()
        self.asked.append(now)
        if now < self.down_until:
            return UNREADY
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
            made._worker = Inline(made._worker._blocking)
        self.stack.push_async_callback(made.close)
        return made

    def process(self, accounts, **options) -> Any:
        auth = attrs.evolve(CREDENTIALS, **options.pop("auth", {}))
        return authority(auth, accounts.transport, self.store(), accounts_url=URL, **options)


@asynccontextmanager
async def a_home(kind, tmp_path):
    if kind == "redis":
        client = redis_servers.shared().client()
        client.flushdb()
        client.close()
    async with AsyncExitStack() as stack:
        yield Home(kind, tmp_path, stack)


KINDS = pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])


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
            assert source.expired(access)
            return await value(source)

        calls = [refused(*pair) for pair in zip(processes, old, strict=True) for _ in range(5)]
        assert set(await asyncio.gather(*calls)) == {"token-2"}
        assert accounts.made == 2
        assert processes[0].expired(AccessToken("token-1")), "a late refusal of the old one"
        assert await value(processes[0]) == "token-2"
        assert await value(home.process(accounts)) == "token-2"
    assert accounts.made == 2


@KINDS
@moved
async def test_revoked_token_is_given_to_nobody_while_the_next_is_made(kind, tmp_path):
    accounts = Accounts(delay_s=5.0)
    async with a_home(kind, tmp_path) as home:
        one = home.process(accounts)
        assert one.expired(await one.token())
        renewing = asyncio.create_task(value(one))
        await asyncio.sleep(1.0)
        assert await value(home.process(accounts)) == "token-2"
        assert await renewing == "token-2"


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
        assert one.expired(await one.token())
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
        dying._maker._transport = Scripted(["hang"])
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


class Stepping:
    """A store whose every question takes some turns of the loop, before and after it is asked."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def stepping(*args, **options):
            await asyncio.sleep(0)
            result = await found(*args, **options)
            await asyncio.sleep(0)
            return result

        return stepping


@pytest.mark.parametrize("failing", [False, True])
@moved
async def test_refresh_cancelled_at_any_moment_leaves_neither_claim_nor_token_behind(failing):
    loop = asyncio.get_running_loop()
    for turns in range(45):
        memory = MemoryStore(clock=loop.time)
        accounts = Accounts(delay_s=0.0)
        accounts.down_until = loop.time() + 1e9 if failing else 0.0
        store: Any = Stepping(memory)
        source = authority(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        callers = [asyncio.create_task(value(source)) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        await source.close()
        for each in await asyncio.gather(*callers, return_exceptions=True):
            assert isinstance(each, str | AuthError), (turns, each)
        assert not [name for name in memory._notes if name.endswith("claim")], turns
        held = [bucket.held for bucket in memory._buckets.values()]
        assert held in ([], [{}]), turns
        accounts.down_until = 0.0
        memory._notes = {n: each for n, each in memory._notes.items() if "trouble" not in n}
        began = loop.time()
        other = authority(CREDENTIALS, accounts.transport, memory, accounts_url=URL)
        assert await value(other)
        assert loop.time() - began < 1.0
        await other.close()


@moved
async def test_callers_cancelled_at_any_moment_leave_the_others_their_token():
    loop = asyncio.get_running_loop()
    for turns in range(40):
        accounts = Accounts(delay_s=0.0)
        store: Any = Stepping(MemoryStore(clock=loop.time))
        source = authority(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        callers = [asyncio.create_task(value(source)) for _ in range(6)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for each in callers[::2]:
            each.cancel()
        got = await asyncio.gather(*callers, return_exceptions=True)
        assert got[1::2] == ["token-1"] * 3
        assert accounts.made == 1
        await source.close()


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


@moved
async def test_token_can_be_had_at_once_after_the_machine_was_started_anew(tmp_path):
    accounts = Accounts()
    loop = asyncio.get_running_loop()
    for boot in ("one", "two"):
        store = inline_sqlite(tmp_path / "quota.db", loop.time, boot=boot)
        source = authority(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        source.expired(await source.token(loop.time()))
        assert await source.token(loop.time())
        await store.close()
    assert accounts.made == 4, "the token from before is not trusted"


# What is stored.


@KINDS
@moved
async def test_store_has_the_access_token_and_nothing_that_makes_others(kind, tmp_path):
    accounts = Accounts()
    async with a_home(kind, tmp_path) as home:
        await value(home.process(accounts))
        if kind == "memory":
            stored = str(
                [(name, note.text) for name, note in home.memory._notes.items()]
                + list(home.memory._buckets)
            ).encode()
        elif kind == "redis":
            client = redis_servers.shared().client()
            stored = b"".join(key + (client.get(key) or b"") for key in client.scan_iter())
            assert all(client.ttl(key) > 0 for key in client.scan_iter("*note*"))
            client.close()
        else:
            stored = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"token-1" in stored
    for secret in (CREDENTIALS.refresh_token, CREDENTIALS.client_secret):
        assert secret.encode() not in stored


@KINDS
@moved
async def test_who_does_not_share_leaves_no_token_and_finds_none(kind, tmp_path):
    accounts = Accounts()
    alone = {"auth": {"share": False}}
    async with a_home(kind, tmp_path) as home:
        assert await value(home.process(accounts)) == "token-1"
        assert await value(home.process(accounts, **alone)) == "token-2"
        assert await value(home.process(accounts)) == "token-1"
    async with a_home(kind, tmp_path / "other") as home:
        home.path.parent.mkdir()
        await value(home.process(accounts, **alone))
        assert await value(home.process(accounts)) == "token-4"


@pytest.mark.parametrize(
    "other",
    [
        {"refresh_token": "another"},
        {"client_id": "another"},
        {"accounts_url": "https://accounts.zoho.in"},
    ],
    ids=repr,
)
@moved
async def test_other_credentials_share_nothing(other, tmp_path):
    accounts = Accounts()
    async with a_home("memory", tmp_path) as home:
        assert await value(home.process(accounts)) == "token-1"
        assert await value(home.process(accounts, auth=other)) == "token-2"


@pytest.mark.parametrize("text", ["", "token", "3600", "nan x", "-1 x", "3600 two words", "x y"])
@moved
async def test_note_that_cannot_be_read_is_none(text, tmp_path):
    accounts = Accounts()
    loop = asyncio.get_running_loop()
    async with a_home("memory", tmp_path) as home:
        await value(home.process(accounts))
        for name in list(home.memory._notes):
            home.memory.put_note(name, text, until=loop.time() + 10)
            home.memory.put_note(name + " trouble", text, until=loop.time() + 10)
        assert await value(home.process(accounts)) == "token-2"


class NoNotes:
    """A store of somebody's own, which knows nothing of notes."""

    def __init__(self, store):
        self.clock = store.clock
        self.take, self.end, self.snapshots = store.take, store.end, store.snapshots


@moved
async def test_store_without_notes_is_used_without_sharing():
    accounts = Accounts()
    store: Any = NoNotes(MemoryStore(clock=asyncio.get_running_loop().time))
    for number in (1, 2):
        source = authority(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        assert await value(source) == f"token-{number}"


@pytest.mark.parametrize("method", ["read_note", "claim_note", "take"])
@moved
async def test_store_that_fails_is_told_to_all_who_wait_and_can_recover(method):
    accounts = Accounts()
    store: Any = MemoryStore(clock=asyncio.get_running_loop().time)

    async def fail(*_args, **_options):
        raise QuotaStoreError("the disk is full")

    setattr(store, method, fail)
    source = authority(CREDENTIALS, accounts.transport, store, accounts_url=URL)
    got = await asyncio.gather(*(value(source) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in got} == {QuotaStoreError}
    delattr(store, method)
    assert await value(source) == "token-1"
    assert not [name for name in store._notes if name.endswith("claim")]
