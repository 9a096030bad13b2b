"""Redis servers that are gone, guarded, unsuitable, or several: what the store makes of each."""

from typing import Any

import pytest
from support.certificates import certificate
from support.redis_servers import RedisServer, free_port
from support.scripted import DONE, Scripted
from support.stores import Clock, a_quota, snapshot, spend, take

from cliq_async.client import CliqClient
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import TokenOutcome
from cliq_async.quota.stores.redis import RedisStore


async def test_server_that_is_gone_is_an_error_and_nothing_is_sent(redis_server, monkeypatch):
    monkeypatch.setattr("cliq_async.quota.stores.redis._RETRY_S", 0.3)
    transport = Scripted([DONE])
    async with CliqClient("t", transport=transport, quota=redis_server.url) as client:
        await client.bots.list()
        redis_server.stop()
        with pytest.raises(QuotaStoreError, match=f"127.0.0.1:{redis_server.port}.*cannot be used"):
            await client.bots.list()
        assert len(transport.requests) == 1
        redis_server.start()
        assert (await client.quota_status())["list_bots"].free == 0


async def test_what_could_not_be_given_back_is_given_back_later(redis_server):
    store = RedisStore(redis_server.url, server_time=Clock())
    await spend(store, 1, 2)
    client = redis_server.client()
    client.execute_command("ACL", "SETUSER", "default", "-exec")
    store.end(a_quota(3), 1, TokenOutcome.NEVER_SENT)
    with pytest.raises(QuotaStoreError, match=r"permissions|NOPERM"):
        await snapshot(store)
    client.execute_command("ACL", "SETUSER", "default", "+@all")
    client.close()
    assert (await snapshot(store)).free == 2
    await store.close()


async def test_password_works_and_is_in_no_error():
    with RedisServer(("--requirepass", "hidden")) as server:
        place = f"127.0.0.1:{server.port}"
        store = RedisStore(f"redis://:hidden@{place}")
        await spend(store, 1)
        await store.close()
        store = RedisStore(f"redis://ann:hidden-too@{place}/1")
        with pytest.raises(QuotaStoreError) as raised:
            await take(store, 1)
        assert "hidden" not in str(raised.value)
        assert f"redis://{place}/1" in str(raised.value)
        error: BaseException | None = raised.value
        while error is not None:
            assert "hidden" not in repr(error)
            error = error.__cause__
        await store.close()


async def test_one_quota_over_tcp_tls_and_a_socket_file(tmp_path):
    key, cert = certificate(tmp_path, "IP:127.0.0.1")
    port, path = free_port(), tmp_path / "redis.sock"
    options = ["--tls-port", str(port), "--tls-cert-file", cert, "--tls-key-file", key]
    options += ["--tls-ca-cert-file", cert, "--tls-auth-clients", "no"]
    options += ["--unixsocket", str(path), "--requirepass", "p@ss"]
    with RedisServer(tuple(options)) as server:
        urls = (
            f"redis://:p%40ss@127.0.0.1:{server.port}",
            f"rediss://:p%40ss@127.0.0.1:{port}?ssl_ca_certs={cert}",
            f"unix://:p%40ss@{path}?db=0&cold_start=full",
        )
        for left, url in zip((29, 28, 27), urls, strict=True):
            transport = Scripted([DONE])
            async with CliqClient("t", transport=transport, quota=url) as client:
                await client.bots.list()
                assert (await client.quota_status())["list_bots"].free == left
        unknown = RedisStore(f"rediss://:p%40ss@127.0.0.1:{port}")
        with pytest.raises(QuotaStoreError, match="certificate verify failed") as caught:
            await take(unknown, 1)
        assert "p@ss" not in str(caught.value)
        await unknown.close()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_server_that_throws_keys_away_is_refused(policy):
    options = ("--maxmemory", "50mb", "--maxmemory-policy", policy)
    with RedisServer(options) as server:
        store = RedisStore(server.url)
        with pytest.raises(QuotaStoreError, match=f"{policy}.*noeviction"):
            await take(store, 1)
        await store.close()


async def test_policy_of_a_server_without_a_limit_does_not_matter():
    with RedisServer(("--maxmemory-policy", "allkeys-lru")) as server:
        store = RedisStore(server.url)
        await spend(store, 1)
        await store.close()


async def test_server_that_is_too_old_is_refused(redis_url, monkeypatch):
    store = RedisStore(redis_url)
    operations: Any = store._worker.backend
    with pytest.raises(QuotaStoreError, match=r"is Redis 5\.0\.14; the quota needs 6 or later"):
        operations.backend.connector.check({"redis_version": "5.0.14"})
    await store.close()
