"""The client: opening and closing it, and what the environment says of it."""

import _thread
import asyncio
import concurrent.futures
import inspect
from typing import Any, ForwardRef
from unittest.mock import create_autospec

import pytest
from support.clients import a_scripted_client
from support.scripted import SECRET, moved

from cliq_async import client as client_module, config
from cliq_async.auth.provider import AccessToken, ApiKey, ClientCredentials, RefreshToken
from cliq_async.client import CliqClient
from cliq_async.errors import TransportError, ValidationError
from cliq_async.models.message import SentMessage
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeTransport


@moved
async def test_client_that_is_not_open_says_so_and_sends_nothing():
    client, transport = a_scripted_client()
    with pytest.raises(RuntimeError, match="not open"):
        await client.bots.list()
    with pytest.raises(RuntimeError, match="not open"):
        await client.broadcast("bot", "hi", [1])
    async with client:
        await client.bots.list()
    with pytest.raises(RuntimeError, match="not open"):
        await client.bots.list()
    assert (len(transport.requests), transport.closed) == (1, 1)


@moved
async def test_closed_client_can_be_opened_again_with_what_is_left_of_its_quota():
    client, _ = a_scripted_client()
    for _ in range(2):
        async with client:
            await client.bots.list()
    assert (await client.quota_status())["list_bots"].free == 28


@moved
async def test_closing_twice_closes_once():
    client, transport = a_scripted_client()
    async with client:
        await client.close()
        await client.close()
    assert transport.closed == 1


def test_repr_names_server_account_and_state():
    client = CliqClient(SECRET, base_url="https://cliq.zoho.eu", network="partners", account="ann")
    assert repr(client) == "<CliqClient https://cliq.zoho.eu/network/partners account='ann' closed>"


@moved
async def test_repr_follows_the_state_of_the_client():
    client, _ = a_scripted_client()
    assert repr(client) == "<CliqClient https://cliq.zoho.com account='default' closed>"
    async with client:
        assert repr(client) == "<CliqClient https://cliq.zoho.com account='default' open>"
        assert repr(client.with_options(lane="bulk")) == repr(client)
    assert repr(client).endswith(" closed>")


@pytest.mark.parametrize("wrong", [{"account": ""}, {"quota": "nothing://"}])
def test_repr_of_a_client_that_could_not_be_made_is_no_error(wrong):
    client = CliqClient.__new__(CliqClient)
    with pytest.raises(ValidationError):
        client.__init__(SECRET, **wrong)
    assert repr(client) == "<CliqClient not initialized>"


async def fetch_token():
    return SECRET


@pytest.mark.parametrize(
    "auth",
    [
        SECRET,
        AccessToken(SECRET),
        RefreshToken("client", SECRET, SECRET),
        ClientCredentials("client", SECRET),
        ApiKey(SECRET),
        fetch_token,
    ],
    ids=["str", "access token", "refresh token", "client credentials", "API key", "callable"],
)
async def test_secrets_are_not_in_the_repr(auth):
    client = CliqClient(auth, quota=MemoryStore())
    for _ in range(2):
        assert SECRET not in repr(client)
        assert SECRET not in str(client)
        assert SECRET not in repr(client._auth)
        await client.__aenter__()
    await client.close()


@pytest.mark.parametrize("allow_http", [(), "sandbox", "sandbox:8080"])
def test_api_key_is_sent_over_plain_http_to_this_machine_only(allow_http):
    for server in ("http://sandbox:8080", "http://cliq.zoho.com"):
        with pytest.raises(ValidationError) as caught:
            CliqClient(ApiKey(SECRET), base_url=server, allow_http=allow_http)
        assert caught.value.field == "base_url"
        assert SECRET not in str(caught.value)
    for server in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost", "https://sandbox"):
        CliqClient(ApiKey(SECRET), base_url=server, quota=MemoryStore())
    CliqClient(ApiKey(SECRET), quota=MemoryStore())


def test_auth_that_cannot_be_one_is_refused_when_the_client_is_made():
    wrong: Any
    for wrong in ("", None, "two words"):
        with pytest.raises(ValidationError):
            CliqClient(wrong)


async def test_call_under_way_ends_when_the_client_is_closed():
    async with Sandbox(faults=["lost:1@list_bots"]) as sandbox:
        client = CliqClient("ann", base_url=sandbox.url, quota=MemoryStore())
        await client.__aenter__()
        call = asyncio.create_task(client.bots.list())
        async with asyncio.timeout(5):
            while not sandbox.report()["requests"]:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0)
            await client.close()
            with pytest.raises(TransportError):
                await call


# The environment.


async def test_client_from_the_environment(monkeypatch):
    for name in ("CLIQ_ACCESS_TOKEN", "CLIQ_TIME_SCALE", "CLIQ_QUOTA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLIQ_CLIENT_ID", "id")
    monkeypatch.setenv("CLIQ_CLIENT_SECRET", "secret")
    monkeypatch.setenv("CLIQ_REFRESH_TOKEN", "token")
    monkeypatch.setenv("CLIQ_BASE_URL", "https://sandbox:1")
    monkeypatch.setenv("CLIQ_ACCOUNT", "ann")
    client = CliqClient.from_env(account="bob")
    assert isinstance(client._auth, RefreshToken)
    assert (client._settings.base_url, client._settings.account) == ("https://sandbox:1", "bob")
    with pytest.raises(ValidationError):
        CliqClient.from_env(margin_s=-1)


# Event loops.

OTHER_LOOP = "the client was opened in another event loop"


def in_other_loop(coroutine):
    """Run a coroutine in the event loop of another thread."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def test_client_of_another_running_event_loop_says_so_and_sends_nothing():
    cliq = FakeTransport()
    async with CliqClient("t", transport=cliq, quota=MemoryStore()) as client:
        attempts = [
            client.messages.send("ops", "hi", user_ids=[1]),
            anext(aiter(client.bots.iter())),
            client.broadcast("ops", "hi", [1]),
            client.close(),
        ]
        for attempt in attempts:
            with pytest.raises(RuntimeError, match=OTHER_LOOP):
                await asyncio.to_thread(in_other_loop, attempt)
        report = await asyncio.to_thread(in_other_loop, client.broadcast_job("ops", "x").run([1]))
        assert OTHER_LOOP in (report.stopped or "")
        assert cliq.requests == []
        assert client.is_open
        await client.messages.send("ops", "hi", user_ids=[1])
    assert not client.is_open


@pytest.mark.parametrize("quota", ["memory", "sqlite"])
def test_client_whose_event_loop_has_ended_says_so_and_can_be_closed_and_opened_again(
    quota, tmp_path
):
    cliq = FakeTransport()
    store = MemoryStore() if quota == "memory" else f"sqlite:///{tmp_path}/quota.db"
    client = CliqClient("t", transport=cliq, quota=store)

    async def opened():
        await client.__aenter__()
        await client.messages.send("ops", "hi", user_ids=[1])

    asyncio.run(opened())
    with pytest.raises(RuntimeError, match=OTHER_LOOP):
        asyncio.run(client.messages.send("ops", "hi", user_ids=[1]))
    asyncio.run(client.close())
    asyncio.run(opened())
    asyncio.run(client.close())
    assert len(cliq.requests) == 2


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
async def test_client_says_that_green_threads_are_not_enough(library, monkeypatch):
    def start_new_thread(*_args):
        raise AssertionError

    start_new_thread.__module__ = f"{library}.thread"
    monkeypatch.setattr(_thread, "start_new_thread", start_new_thread)
    client = CliqClient("t", transport=FakeTransport(), quota=MemoryStore())
    with pytest.raises(RuntimeError, match=f"{library} has replaced the threads .*=prefork"):
        await client.open()
    assert not client.is_open
    await client.close()


async def test_mock_of_the_client_knows_its_resources_and_their_methods():
    client = create_autospec(CliqClient)
    client.messages.send.return_value = SentMessage(message_id="7")
    sent = await client.messages.send("ops", "hi", user_ids=[1])
    assert sent.message_id == "7"
    client.messages.send.assert_awaited_once_with("ops", "hi", user_ids=[1])
    for name in ("bots", "calls", "functions", "handlers", "subscribers"):
        with pytest.raises(AttributeError):
            getattr(client, name).no_such_method  # noqa: B018 - it raises
    with pytest.raises(TypeError):
        await client.messages.send("ops", "hi", user=[1])


async def test_class_itself_sends_nothing():
    with pytest.raises(RuntimeError, match="make an instance"):
        await CliqClient.messages.send("ops", "hi", user_ids=[1])


@moved
async def test_client_can_be_opened_and_closed_without_a_block():
    client, transport = a_scripted_client()
    assert await client.open() is client
    assert await client.open() is client
    await client.bots.list()
    await client.close()
    assert (client.is_open, transport.closed, len(transport.requests)) == (False, 1, 1)
    with pytest.raises(RuntimeError, match=r"or `await client.open\(\)`"):
        await client.bots.list()


def test_options_of_from_env_are_those_of_the_class():
    found = inspect.signature(CliqClient).parameters
    hints = config.ClientOptions.__annotations__
    assert list(hints) == [name for name in found if name != "auth"]
    namespace = vars(client_module) | vars(config)
    for name, hint in hints.items():
        written = hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
        resolved = eval(written, namespace) if isinstance(written, str) else written
        assert resolved == found[name].annotation, name
