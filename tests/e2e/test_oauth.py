"""The client against the sandbox's accounts server: each way in which OAuth fails, over HTTP."""

import asyncio
import time
import traceback
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
import pytest

from cliq_async.auth.credentials import ClientCredentials, RefreshToken
from cliq_async.client import CliqClient
from cliq_async.errors import (
    AuthenticationError,
    AuthError,
    QuotaWaitError,
)
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox, user_label

SECRET, TOKEN = "a-client-secret", "1000.a-refresh-token"
ANN = "55743307"


class Clock:
    """The system's, and ahead of it."""

    ahead_s = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead_s


@asynccontextmanager
async def a_scene(*faults, auth=None, store=None, scale=60.0, **options):
    """A sandbox, and a client with credentials for it."""
    sandbox_options = options.pop("sandbox", {})
    async with Sandbox(
        faults=[f"{fault}@access_token" if "@" not in fault else fault for fault in faults],
        time_scale=scale,
        **sandbox_options,
    ) as sandbox:
        auth = auth or RefreshToken("1000.CLIENT", SECRET, TOKEN)
        auth = attrs.evolve(auth, accounts_url=sandbox.url)
        waits: dict[str, Any] = {"max_wait_s": 0.5, "timeout_s": 5.0}
        async with CliqClient(
            auth,
            base_url=sandbox.url,
            quota=store or MemoryStore(),
            time_scale=scale,
            **waits | options,
        ) as client:
            yield sandbox, client


def shows_no_secret(error):
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = str(error) + "".join(
        str(frame) + str(frame.locals) for frame in told.stack if "/tests/" not in frame.filename
    )
    return SECRET not in shown and TOKEN not in shown


# What fails for good.


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("invalid-client:1", "invalid_client: this data center does not know the client; if"),
        ("invalid-code:1", "invalid_code: this data center does not know the refresh token; if"),
        ("denied-200:1", r"Access Denied \(Too many.*10 access tokens in 10 minutes"),
        ("denied-400:1", r"Access Denied \(Too many.*10 access tokens in 10 minutes"),
        ("denied-localized:1", "Zugriff verweigert .Sie haben zu viele"),
        ("no-token:1", "HTTP 200 without a reason"),
        ("html:1", "HTTP 200 without a reason"),
    ],
)
async def test_failure_is_an_auth_error_that_says_who_said_what_and_is_not_repeated(fault, said):
    async with a_scene(fault, max_wait_s=0) as (sandbox, client):
        with pytest.raises(AuthError, match=said) as caught:
            await client.bots.list()
        assert sandbox.url in str(caught.value)
        assert shows_no_secret(caught.value)
        report = sandbox.report()
        assert (report["token_requests"], report["tokens_issued"]) == (1, 0)
        assert report["requests"] == {}


@pytest.mark.parametrize("wrong", [{"client_id": "invalid"}, {"client_secret": "invalid"}])
async def test_wrong_client_is_an_auth_error(wrong):
    auth = attrs.evolve(RefreshToken("1000.CLIENT", SECRET, TOKEN), **wrong)
    async with a_scene(auth=auth) as (_, client):
        with pytest.raises(AuthError, match=r"invalid_client.*data_center="):
            await client.bots.list()


async def test_wrong_refresh_token_is_an_auth_error():
    auth = RefreshToken("1000.CLIENT", SECRET, "invalid")
    async with a_scene(auth=auth) as (_, client):
        with pytest.raises(AuthError, match=r"invalid_code.*data_center="):
            await client.bots.list()


async def test_bad_credentials_cost_one_request_however_many_calls_there_are():
    async with a_scene("invalid-code:1") as (sandbox, client):
        for _ in range(15):
            with pytest.raises(AuthError, match="invalid_code"):
                await client.bots.list()
        assert sandbox.report()["token_requests"] == 1


# What passes.


@pytest.mark.parametrize("kind", ["408", "429", "500", "502", "reset", "refuse"])
async def test_what_passes_is_tried_again_and_no_caller_sees_it(kind):
    async with a_scene(f"{kind}:x2") as (_, client):
        assert (await client.bots.list()).data


async def test_answer_that_is_lost_is_tried_again(monkeypatch):
    monkeypatch.setattr("cliq_async.auth.oauth.TIMEOUT_S", 0.2)
    async with a_scene("lost:x1") as (sandbox, client):
        assert (await client.bots.list()).data
        assert sandbox.report()["tokens_issued"] == 2


@pytest.mark.parametrize("kind", ["500", "reset", "refuse"])
async def test_what_does_not_pass_in_time_is_an_auth_error(kind):
    async with a_scene(f"{kind}:1", max_wait_s=0) as (sandbox, client):
        with pytest.raises(AuthError) as caught:
            await client.bots.list()
        assert shows_no_secret(caught.value)
        assert sandbox.report()["token_requests"] == (0 if kind == "refuse" else 1)


async def test_nobody_there_is_an_auth_error_and_costs_no_token():
    store = MemoryStore()
    async with a_scene() as (sandbox, _):
        url = sandbox.url
    auth = RefreshToken("1000.CLIENT", SECRET, TOKEN, accounts_url=url)
    async with CliqClient(auth, base_url=url, quota=store, max_wait_s=0) as client:
        with pytest.raises(AuthError, match=f"^{url}/oauth/v2/token gave no access token: "):
            await client.bots.list()
    (bucket,) = store._buckets.values()
    assert (bucket.held, bucket.returning) == ({}, [])


async def test_life_in_milliseconds_is_understood():
    sandbox_options = {"token_life_s": 60}
    async with a_scene("milliseconds:1", sandbox=sandbox_options) as (sandbox, client):
        await client.bots.list()
        source: Any = client._session.provider
        cached = source._cached
        left_s = cached.usable_until - client._store.clock()
        assert 0.5 < left_s < 1.0
        assert sandbox.report()["tokens_issued"] == 1


# On the other side.


async def test_token_that_is_refused_once_is_replaced_and_no_caller_sees_it():
    async with a_scene("401:x1@list_bots") as (sandbox, client):
        assert (await client.bots.list()).data
        assert (sandbox.report()["unauthorized"], sandbox.report()["tokens_issued"]) == (1, 2)


async def test_token_revoked_under_way_is_replaced_once_for_all():
    async with a_scene() as (sandbox, client):
        await client.bots.list()
        assert sandbox.revoke_tokens(user=user_label(TOKEN)) == 1
        await asyncio.gather(
            *(client.messages.send("supportbot", "x", user_ids=[ANN]) for _ in range(20))
        )
        assert sandbox.report()["tokens_issued"] == 2
        assert 1 <= sandbox.report()["unauthorized"] <= 20


async def test_token_that_newer_ones_ended_is_replaced():
    form = {
        "grant_type": "refresh_token",
        "client_id": "1000.CLIENT",
        "client_secret": SECRET,
        "refresh_token": TOKEN,
    }
    clock = Clock()
    async with a_scene(sandbox={"clock": clock}) as (sandbox, client):
        await client.bots.list()
        async with aiohttp.ClientSession() as others:  # who keep to ten in ten minutes
            for _ in range(15):
                clock.ahead_s += 70.0 / 60.0
                async with others.post(sandbox.url + "/oauth/v2/token", data=form) as made:
                    assert "access_token" in await made.json()
        assert (await client.bots.list()).data
        assert sandbox.report()["unauthorized"] == 1


async def test_refusal_that_no_new_token_changes_leaves_the_other_endpoints_alone():
    async with a_scene("401:1@list_bots") as (sandbox, client):
        for _ in range(15):
            with pytest.raises(AuthenticationError):
                await client.bots.list()
            await client.messages.send("supportbot", "still here", user_ids=[ANN])
        assert sandbox.report()["tokens_issued"] == 10
        assert sandbox.report()["delivered"]["total"] == 15


async def test_eleventh_token_in_ten_minutes_is_waited_for_or_a_typed_error():
    store = MemoryStore()
    async with a_scene(store=store, scale=600.0) as (sandbox, client):
        for _ in range(10):
            await client.bots.list()
            sandbox.revoke_tokens()
        store._records.clear()
        again = CliqClient(
            client._auth, base_url=sandbox.url, quota=store, time_scale=600.0, max_wait_s=0.5
        )
        async with again:
            with pytest.raises(QuotaWaitError) as caught:
                await again.bots.list()
            assert caught.value.endpoint == "access_token"
            patient = again.with_options(max_wait_s=None)
            assert (await patient.bots.list()).data
        report = sandbox.report()
        assert (report["token_requests"], report["tokens_issued"]) == (11, 11)


async def test_client_credentials_send_messages():
    auth = ClientCredentials("1000.CLIENT", SECRET)
    async with a_scene(auth=auth) as (sandbox, client):
        await client.messages.send("supportbot", "Hello", user_ids=[ANN])
        assert sandbox.report(user=user_label("1000.CLIENT"))["delivered"]["total"] == 1


async def test_external_network_is_called_by_its_path():
    async with a_scene(network="acme") as (sandbox, client):
        assert (await client.bots.list()).data
        assert sandbox.report()["requests"] == {"list_bots": 1}


async def test_users_own_function_is_asked_again_after_a_refusal():
    given = iter(["invalid", "good"])

    async def ask():
        return next(given)

    async with Sandbox() as sandbox:
        async with CliqClient(ask, base_url=sandbox.url, quota=MemoryStore()) as client:
            assert (await client.bots.list()).data
        assert sandbox.report()["unauthorized"] == 1
