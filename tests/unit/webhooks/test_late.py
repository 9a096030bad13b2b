"""Late answers: hosts that may get them, one POST each, and again only if it never left."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.scripted import moved, now
from support.webhook_bots import ResponseUrl

from cliq_async import CliqClient, ValidationError
from cliq_async.webhooks.late import LateAnswers

URL = "https://cliq.zoho.com/v2/extensions/1/responses/2"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://cliq.zoho.eu/x",
        "https://cliq.zoho.com.au/x?a=b",
        "https://cliq.zohocloud.ca/x",
        "HTTPS://CLIQ.ZOHO.COM/x",
        "https://cliq.zoho.com:443/x",
        "https://cliq.zoho.com",
    ],
)
def test_hosts_of_cliq_may_get_answers(url):
    assert LateAnswers().refusal(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://cliq.zoho.com/x",
        "https://cliq.zoho.com:8443/x",
        "https://zoho.com/x",
        "https://accounts.zoho.com/x",
        "https://cliq.zoho.com.evil.example/x",
        "https://evil.example/cliq.zoho.com",
        "https://user@cliq.zoho.com/x",
        "https://cliq.zoho.com@evil.example/x",
        "https://evil.example\\@cliq.zoho.com/x",
        "https://evil.example#@cliq.zoho.com/x",
        "https://evil.example?@cliq.zoho.com/x",
        "https://cliq.zoho.com?x",
        "https://cliq.zoho.com\t/x",
        "https://cliq.zoho.com/x y",
        "https://cliq.zoho.com/x\r\nHost: evil.example",
        "https://cliq.zoho.com/ö",
        "https://xn--cliq.zoho.com/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "//cliq.zoho.com/x",
        "cliq.zoho.com",
        "",
    ],
)
@moved
async def test_other_hosts_may_not(url):
    transport = ResponseUrl()
    late = LateAnswers(transport=transport)
    assert "its response_url is" in (await late.send(url, b"{}") or "")
    assert transport.posts == []


def test_hosts_of_the_client_and_those_named_may_get_answers():
    client = CliqClient("t", base_url="http://127.0.0.1:8080", quota="memory://")
    late = LateAnswers(client=client, hosts=["hooks.example:8443", "http://inner.example", "[::1]"])
    for url in (
        "http://127.0.0.1:8080/x",
        "https://hooks.example:8443/x",
        "http://inner.example/x",
        "http://[::1]/x",
        "https://[::1]/x",
        URL,
    ):
        assert late.refusal(url) is None, url
    for url in (
        "https://127.0.0.1:8080/x",
        "http://127.0.0.1:8081/x",
        "http://hooks.example:8443/x",
        "https://hooks.example/x",
        "https://inner.example/x",
    ):
        assert late.refusal(url), url
    plain = CliqClient("t", quota="memory://")
    assert LateAnswers(client=plain, hosts="one.example").refusal("https://one.example/x") is None


def test_host_that_is_not_one_is_an_error():
    for host in ("https://x.example/path", "a b", "user@x.example", ""):
        with pytest.raises(ValidationError, match="response_hosts"):
            LateAnswers(hosts=[host])


@pytest.mark.parametrize(
    ("steps", "reason", "posts", "at"),
    [
        ([200], None, 1, 0.0),
        ([204], None, 1, 0.0),
        ([299], None, 1, 0.0),
        ([199], "HTTP 199", 1, 0.0),
        ([300], "HTTP 300", 1, 0.0),
        (["unsent"], None, 1, 1.0),
        (["unsent", "unsent"], None, 1, 4.0),
        (["unsent"] * 3, "response_url cannot be reached: refused", 0, 4.0),
        (["unsent", 500], "HTTP 500", 1, 1.0),
    ],
)
@moved
async def test_answer_is_sent_again_only_if_it_never_left(steps, reason, posts, at):
    transport = ResponseUrl(*steps)
    found = await LateAnswers(transport=transport).send(URL, b"{}")
    assert (found is None) if reason is None else (reason in (found or ""))
    assert len(transport.posts) == posts
    assert now() == at
    assert transport.closed == 0


@moved
async def test_a_hundred_are_sent_at_a_time():
    transport = ResponseUrl(delay_s=1.0)
    late = LateAnswers(transport=transport)
    await asyncio.gather(*(late.send(URL, b"{}") for _ in range(250)))
    assert [sum(at == second for at, _ in transport.posts) for second in range(3)] == [100, 100, 50]


# A real server.


async def served(respond):
    app = web.Application()
    app.add_routes([web.post("/responses", respond), web.get("/responses", respond)])
    server = TestServer(app)
    await server.start_server()
    return server, f"http://127.0.0.1:{server.port}/responses"


async def test_answer_goes_over_a_real_connection_that_is_closed_after_the_last():
    got = []

    async def respond(request: web.Request) -> web.Response:
        got.append((request.content_type, await request.read()))
        await asyncio.sleep(0.05)
        return web.Response(text="ok")

    server, url = await served(respond)
    late = LateAnswers(hosts=[f"127.0.0.1:{server.port}"])
    body = b'{"output":{"text":"Hi"}}'
    assert await asyncio.gather(late.send(url, body), late.send(url, body)) == [None, None]
    assert got == [("application/json", body)] * 2
    assert late._open is None
    assert await late.send(url, body) is None
    await server.close()
    assert "cannot be reached" in (await no_pauses(late).send(url, body) or "")


def no_pauses(late):
    late._pauses_s = (0.0,)
    return late


async def test_redirect_is_not_followed():
    asked = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(request.method)
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/inner")

    server, url = await served(respond)
    late = LateAnswers(hosts=[f"127.0.0.1:{server.port}"])
    assert await late.send(url, b"{}") == "response_url answered HTTP 307"
    assert asked == ["POST"]
    await server.close()


async def test_answer_that_is_sent_and_not_answered_is_not_sent_again():
    asked = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(await request.read())
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server, url = await served(respond)
    late = LateAnswers(hosts=[f"127.0.0.1:{server.port}"])
    assert "may be lost" in (await late.send(url, b"{}") or "")
    assert asked == [b"{}"]
    await server.close()
