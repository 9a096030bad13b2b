"""API keys: in the first line of a request, and in nothing else."""

import asyncio
import logging
import traceback
from typing import Any

import aiohttp
import pytest
from support.scripted import a_rig, answer, moved
from support.tcp_servers import OnePermit, Server, a_transport, answering, request
from yarl import URL

from cliq_async.auth.credentials import ApiKey
from cliq_async.client import CliqClient
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    OutcomeUnknownError,
    ThrottledError,
    TransportError,
)
from cliq_async.hooks import Hooks
from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.oauth import user_label
from cliq_async.transport.api_key import UrlWithKey, without_key
from cliq_async.transport.base import NoAnswerError, Response

KEY = "1001.canary-of-a-key/+&="
QUOTED = "1001.canary-of-a-key%2F%2B%26%3D"
CANARY = "canary-of-a-key"


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://h/a", f"/a?zapikey={QUOTED}"),
        ("http://h/a?b=c%20d", f"/a?b=c%20d&zapikey={QUOTED}"),
    ],
)
def test_key_is_in_the_first_line_and_not_in_what_is_shown(url, line):
    keyed = UrlWithKey(URL(url, encoded=True), KEY)
    assert keyed.raw_path_qs == line
    assert keyed.host == "h"
    assert CANARY not in f"{keyed} {keyed!r} {keyed.raw_query_string}"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_key_is_sent_with_each_method_and_on_each_connection(method):
    body = b"" if method in {"GET", "DELETE"} else b"{}"
    async with Server(answering) as server, a_transport() as transport:
        for number in range(2):
            sent = request(server.url, method, body, api_key=KEY)
            assert CANARY not in repr(sent)
            got = await transport.send(sent, OnePermit())
            assert (got.status, server.requests) == (200, number + 1)
        line = f"{method} /api?zapikey={QUOTED} HTTP/1.1\r\n".encode()
        assert server.arrived[0].count(line) == 2
        assert server.arrived[0].count(CANARY.encode()) == 2


async def test_key_is_not_sent_with_the_next_request_of_another_client():
    async with Server(answering) as server, a_transport() as transport:
        await transport.send(request(server.url, api_key=KEY), OnePermit())
        await transport.send(request(server.url), OnePermit())
        assert server.arrived[0].count(CANARY.encode()) == 1


async def garbage(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 abc\r\n\r\n")
    await exchange.until_the_end()


async def cut_off(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\nhalf")


async def no_answer(exchange):
    await exchange.request()


PLAYS = [garbage, cut_off, no_answer]


def shown(error):
    """All that an error shows: itself, its causes, and their reprs."""
    texts = traceback.format_exception(error)
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "".join(texts)


@pytest.mark.parametrize("play", PLAYS)
async def test_key_is_not_in_an_error_or_its_causes_or_a_log(play, caplog):
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with Server(play) as server, a_transport() as transport:
        try:
            got = await transport.send(request(server.url, api_key=KEY), OnePermit())
            assert (got.status, got.body) == (400, None)
            texts = f"{got!r} {got.problem} {got.headers!r}"
        except NoAnswerError as error:
            texts = shown(error)
    assert CANARY not in texts + caplog.text


async def test_aiohttps_own_objects_do_not_show_the_key(monkeypatch):
    made = []
    start = aiohttp.ClientResponse.start

    async def kept(self, connection):
        made.append(self)
        return await start(self, connection)

    monkeypatch.setattr(aiohttp.ClientResponse, "start", kept)
    async with Server(answering) as server, a_transport() as transport:
        await transport.send(request(server.url, "POST", b"{}", api_key=KEY), OnePermit())
    (response,) = made
    assert CANARY not in f"{response!r} {response.url} {response.real_url} {response.request_info}"


@pytest.mark.parametrize("form", [KEY, QUOTED])
def test_answer_that_repeats_the_key_is_cleared_of_it(form):
    body = f'{{"message": "no such page: /a?zapikey={form}"}}'.encode()
    got = without_key(Response(404, {}, body), KEY)
    assert got.body == '{"message": "no such page: /a?zapikey=…"}'.encode()
    for kept in (Response(204, {}, b""), Response(200, {}, None), Response(200, {}, b'{"a": "e"}')):
        assert without_key(kept, KEY) == kept
    assert without_key(Response(200, {}, b'{"a": "e"}'), "a").body == b'{"a": "e"}'


@pytest.mark.parametrize(
    ("status", "cls"), [(400, ApiError), (401, AuthenticationError), (429, ThrottledError)]
)
@moved
async def test_error_of_a_call_does_not_repeat_the_key(status, cls):
    said = answer(status, {"message": f"refused {KEY}", "code": f"no_{KEY}"})
    rig = a_rig([said], auth=ApiKey(KEY))
    with pytest.raises(cls) as caught:
        await rig.call("list_bots", max_wait_s=0.0)
    assert "refused …" in str(caught.value)
    assert CANARY not in shown(caught.value)
    assert len(rig.transport.requests) == 1, "there is no other key"
    (sent,) = rig.transport.requests
    assert (sent.api_key, "Authorization" in sent.headers) == (KEY, False)
    assert CANARY not in sent.url


@pytest.mark.parametrize("play", PLAYS)
async def test_key_is_not_in_what_a_client_shows(play, caplog):
    caplog.set_level(logging.DEBUG)
    seen = []
    hooks = Hooks(on_call=seen.append, on_request=seen.append, on_wait=seen.append)
    async with (
        Server(play) as server,
        CliqClient(
            ApiKey(KEY), base_url=server.url.removesuffix("/api"), quota="memory://", hooks=hooks
        ) as client,
    ):
        with pytest.raises((ApiError, OutcomeUnknownError, TransportError)) as caught:
            await client.messages.send("ops", "hi", user_ids="1")
    assert CANARY not in shown(caught.value) + caplog.text + repr(seen)
    assert seen


async def test_key_is_a_user_of_the_sandbox_with_a_quota_and_locks_of_its_own():
    async with Sandbox(subscribers=2, faults=["throttle-429:1@list_bots"]) as sandbox:
        options: Any = {"base_url": sandbox.url, "quota": "memory://"}
        async with CliqClient(ApiKey(KEY), **options) as client:
            await client.messages.send("supportbot", "hi", user_ids="55743307")
            async for _ in client.subscribers.iter("supportbot", limit=1):
                pass
            with pytest.raises(ThrottledError):
                await client.with_options(max_wait_s=0.0).bots.list()
        report = sandbox.report(user=user_label(KEY))
        assert report["requests"] == {"send_message": 1, "list_subscribers": 2, "list_bots": 1}
        assert len(report["lockouts"]) == 1
        assert CANARY not in repr(sandbox.report(recipients=True)) + repr(sandbox)
        async with CliqClient(ApiKey("invalid"), account="b", **options) as client:
            with pytest.raises(AuthenticationError):
                await client.bots.list()
