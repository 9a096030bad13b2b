"""Which store a client gets, and how long it is open."""

import asyncio
from pathlib import Path

import pytest
from support.scripted import DONE, Scripted

from cliq_async.client import CliqClient
from cliq_async.errors import ValidationError
from cliq_async.quota.stores import registry as opening
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.registry import default_path, open_store
from cliq_async.quota.stores.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def new_process(monkeypatch, tmp_path):
    """No store is open yet, and there is no file."""
    monkeypatch.setattr(opening, "_shared", {})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def test_default_is_a_file_at_the_place_for_state(tmp_path):
    assert default_path() == tmp_path / "cliq_async" / "quota.db"
    async with CliqClient("t", transport=Scripted([DONE])) as client:
        await client.bots.list()
        status = await client.quota_status()
    assert status["list_bots"].free == 29
    assert default_path().exists()
    async with CliqClient("t", transport=Scripted([DONE])) as client:
        assert (await client.quota_status())["list_bots"].free == 29


async def test_memory_is_one_per_process_however_it_is_asked_for():
    one = CliqClient("t", transport=Scripted([DONE]), quota="memory:///")
    two = CliqClient("t", transport=Scripted([DONE]), quota="memory://")
    other = CliqClient("t", account="ann", quota="memory://?cold_start=spent")
    async with one, two:
        await one.bots.list()
        await two.bots.list()
    assert (await two.quota_status())["list_bots"].free == 28
    assert (await other.quota_status())["list_bots"].free == 30


@pytest.mark.parametrize(
    "url", ["memory://", "memory:///", "memory://?cold_start=full", "MEMORY://?cold_start=spent"]
)
def test_memory_urls_that_are_right(url):
    assert isinstance(open_store(url), MemoryStore)
    assert open_store(url) is open_store("memory://")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/q.db", "/var/q.db"),
        ("sqlite:////var/q.db", "/var/q.db"),
        ("sqlite:///var/a/../q.db", "/var/q.db"),
        ("SQLITE:///var/a%20b.db?cold_start=spent", "/var/a b.db"),
        ("sqlite:///~/q.db", str(Path.home() / "q.db")),
    ],
)
def test_sqlite_urls_that_are_right(url, path):
    store = open_store(url)
    assert isinstance(store, SqliteStore)
    assert str(store.path) == path
    assert open_store(url) is store


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("redis://:pw@h?cold_start=spent", "valkey://:pw@h:6379/0"),
        ("rediss://h?ssl_cert_reqs=none&cold_start=full", "valkeys://h/0?ssl_cert_reqs=none"),
        ("unix:///r.sock?db=1&cold_start=full", "unix:///r.sock?db=1"),
        ("redis+sentinel://h1,h2/main", "valkey+sentinel://h1,h2:26379/main/0"),
    ],
)
def test_redis_urls_that_are_right(url, same):
    store = open_store(url)
    assert isinstance(store, RedisStore)
    assert open_store(same) is store


def test_other_login_is_another_store():
    """Else a wrong password would stay in use after it was corrected."""
    assert open_store("redis://:wrong@h") is not open_store("redis://:right@h")


def test_redis_url_that_is_wrong_says_why():
    with pytest.raises(ValidationError, match=r"quota: .*no option ssl_ca_certs.*'redis://…'"):
        open_store("redis://:hidden@h?ssl_ca_certs=/ca.pem")


def test_nothing_and_an_empty_text_are_the_default():
    store = open_store(None)
    assert isinstance(store, SqliteStore)
    assert store is open_store("") is open_store(f"sqlite:///{default_path()}")


@pytest.mark.parametrize(
    "url",
    [
        "memory",
        "memory:",
        "memory://here",
        "memory://?cold_start=half",
        "memory://?cold_start=",
        "memory://?x=",
        "sqlite://",
        "sqlite:///",
        "sqlite://relative.db",
        "sqlite:///a.db?mode=ro",
        "ftp://ann:hidden@host",
        "http://[",
        "redis://",
        "redis://ann:hid/hidden@host",
        "redis://ann:hidden@host:port",
        "redis://ann:hidden@host?cold_start=half",
        "redis+sentinel://ann:hidden@host",
        "file",
    ],
)
def test_quota_urls_that_are_wrong_are_refused_without_their_password(url):
    with pytest.raises(ValidationError, match="quota") as caught:
        open_store(url)
    assert "hidden" not in str(caught.value)


def test_clock_of_ones_own_has_a_store_of_its_own(tmp_path):
    clock = iter(range(100)).__next__
    assert isinstance(open_store(None, clock), MemoryStore)
    assert open_store(None, clock) is not open_store(None, clock)
    assert open_store("memory://", clock).clock is clock
    assert open_store(f"sqlite:///{tmp_path}/q.db", clock).clock is clock


async def test_store_is_closed_with_its_last_client(tmp_path):
    closed = []

    class Store(SqliteStore):
        async def close(self):
            closed.append(self)
            await super().close()

    store = Store(tmp_path / "q.db")
    one, two = (CliqClient("t", transport=Scripted([DONE]), quota=store) for _ in range(2))
    async with one:
        async with two, two.with_options(max_wait_s=1):
            await two.bots.list()
        assert closed == []
        await one.bots.list()
    assert closed == [store]
    assert not (tmp_path / "q.db-wal").exists()
    async with one:
        assert (await one.quota_status())["list_bots"].free == 28
    assert len(closed) == 2


async def test_loops_and_threads_share_the_file_of_a_client(tmp_path):
    url = f"sqlite:///{tmp_path}/q.db"

    async def one():
        async with CliqClient("t", transport=Scripted([DONE]), quota=url) as client:
            await client.bots.list()

    await asyncio.gather(one(), *(asyncio.to_thread(asyncio.run, one()) for _ in range(4)))
    async with CliqClient("t", quota=url) as client:
        assert (await client.quota_status())["list_bots"].free == 25
