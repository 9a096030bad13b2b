"""The sandbox refuses requests for other hosts, and those of web pages, on every route."""

import pytest
from support.sandboxes import BOTS, SEND, running

from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.origins import host_name

ROUTES = [
    ("GET", BOTS),
    ("POST", SEND),
    ("POST", "/oauth/v2/token"),
    ("POST", "/oauth/v2/token/revoke"),
    ("GET", "/"),
    ("GET", "/page.js"),
    ("GET", "/sandbox/report"),
    ("GET", "/nothing"),
]
TEXT = '{"text": "hi", "broadcast": true}'


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8080"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "localhost@evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "10.0.0.1"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "file://localhost"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_other_hosts_and_sites_are_refused_on_every_route(method, path, headers, refused):
    async with running() as caller:
        status, body = await caller.request(method, path, headers=headers)
        assert (status, list(body)) == (refused, ["message"])
        assert caller.sandbox.report()["requests"] == {}
        assert caller.sandbox.report()["token_requests"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "LOCALHOST:8080"},
        {"Host": "cliq.localhost:8080"},
        {"Host": "localhost."},
        {"Host": "127.9.9.9:1"},
        {"Host": "[::1]:8080"},
        {"Host": "sandbox:8080"},
        {"Host": "[2001:db8::1]:8080"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://sandbox", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_loopback_and_allowed_hosts_are_served(headers):
    async with running(hosts=["Sandbox", "2001:db8::1"]) as caller:
        assert (await caller.request("GET", BOTS, headers=headers))[0] == 200


async def test_address_it_listens_on_is_a_host_of_its_own():
    async with running(host="0.0.0.0") as caller:
        assert (await caller.get(BOTS))[0] == 200
        assert (await caller.request("GET", BOTS, headers={"Host": "evil.example"}))[0] == 421


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "x"])
async def test_bodies_that_pages_may_post_are_not_json(media):
    async with running() as caller:
        headers = {"Content-Type": media}
        status, body = await caller.request("POST", SEND, data=TEXT, headers=headers)
        assert (status, body["code"]) == (400, "invalid_inputs")
        assert "application/json" in body["message"]
        for right in ("application/json", "Application/JSON; charset=utf-8"):
            headers = {"Content-Type": right}
            assert (await caller.request("POST", SEND, data=TEXT, headers=headers))[0] == 204


@pytest.mark.parametrize("host", ["", "a:1", "a b", "http://a", "a/b", "[::1", 5])
def test_hosts_are_names_without_a_port(host):
    with pytest.raises(ValueError, match="hosts: names or addresses of hosts, without a port"):
        Sandbox(hosts=[host])


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("a", "a"),
        ("A.Example:", "a.example"),
        ("[::1]", "::1"),
        ("[::1]:80", "::1"),
        ("::1", ""),
        ("a:b", ""),
        ("a b", ""),
        ("a@b", ""),
        ("a\\b", ""),
    ],
)
def test_host_is_without_port_and_brackets(authority, host):
    assert host_name(authority) == host
