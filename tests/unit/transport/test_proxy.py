"""Proxies: their URLs, those of the environment, and a client behind one."""

from typing import Any

import pytest
from support.proxies import Proxy

from cliq_async import CliqClient, RefreshToken, TransportError, ValidationError
from cliq_async.auth.provider import Auth
from cliq_async.sandbox import Sandbox
from cliq_async.transport.proxy import check_proxy, proxy_from_env

VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
CLIQ = "http://cliq.invalid"
HOSTS = ("cliq.invalid",)
TO = ["55743307"]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def port_of(sandbox):
    return int(sandbox.url.rpartition(":")[2])


def a_client(auth: Auth = "t", **options: Any):
    known: dict[str, Any] = {"base_url": CLIQ, "allow_http": "cliq.invalid", "quota": "memory://"}
    return CliqClient(auth, **(known | options))


@pytest.mark.parametrize(
    "url",
    ["http://proxy:3128", "HTTP://proxy", "https://proxy/", "http://ann:p%40ss@[::1]:3128"],
)
def test_valid_proxies(url):
    assert check_proxy("proxy", url) == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("socks5://ann:hidden@proxy:1080", "got 'socks5://…'"),
        ("proxy:3128", "got a text without http://"),
        ("ann:hidden@proxy", "got a text without http://"),
        ("", "got a text without http://"),
        ("http://", "without a valid host or port"),
        ("http://ann:hidden@proxy:99999", "without a valid host or port"),
        ("http://ann:hidden@proxy:port", "without a valid host or port"),
        ("http://ann:hidden@[::1", "without a valid host or port"),
        ("http://proxy/hidden", "without a valid host or port"),
        ("http://pro xy", "without a valid host or port"),
        (3128, "got 'int'"),
    ],
)
def test_invalid_proxies_are_refused_without_showing_them(url, said):
    with pytest.raises(ValidationError) as caught:
        CliqClient("t", proxy=url, quota="memory://")
    message = str(caught.value)
    assert message.startswith("proxy: the URL of an HTTP proxy, such as http://proxy.example.com")
    assert said in message
    assert "hidden" not in message


def test_the_environment_chooses_by_scheme_and_host(monkeypatch):
    assert proxy_from_env("https://cliq.zoho.com") is None
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    monkeypatch.setenv("NO_PROXY", "zoho.eu,.example.com")
    found = proxy_from_env("https://cliq.zoho.com")
    assert found is not None
    assert (found.url, found.source) == ("http://upper:1", "HTTPS_PROXY")
    assert "upper" not in repr(found)
    assert proxy_from_env("http://cliq.zoho.com") is None
    assert proxy_from_env("https://cliq.zoho.eu") is None
    assert proxy_from_env("https://a.example.com:8443") is None
    monkeypatch.setenv("https_proxy", "http://lower:1")
    found = proxy_from_env("https://cliq.zoho.com")
    assert found is not None
    assert (found.url, found.source) == ("http://lower:1", "https_proxy")


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "proxy:3128", "https://proxy:3128"])
def test_what_is_no_http_proxy_in_the_environment_is_refused_if_it_counts(url, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", url)
    assert CliqClient("t", quota="memory://")
    assert CliqClient("t", quota="memory://", trust_env=True, proxy="http://proxy:3128")
    assert a_client(trust_env=True)
    with pytest.raises(ValidationError, match="HTTPS_PROXY: the URL of an HTTP proxy"):
        CliqClient("t", quota="memory://", trust_env=True)


async def test_a_proxy_of_the_environment_is_used_only_on_request(monkeypatch):
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox), "p@ss") as proxy:
        url = proxy.url.replace("//", "//ann:p%40ss@")
        monkeypatch.setenv("HTTP_PROXY", url)
        async with a_client(trust_env=True) as client:
            await client.messages.send("supportbot", "hi", user_ids=TO)
            assert "ann" not in repr(client)
        assert proxy.asked == [f"POST {CLIQ}/api/v3/bots/supportbot/message"]
        async with a_client(proxy=url) as client:
            await client.messages.send("supportbot", "hi", user_ids=TO)
        assert len(proxy.asked) == 2
        for trust_env in (False, True):
            async with a_client(base_url=sandbox.url, trust_env=trust_env) as client:
                monkeypatch.setenv("NO_PROXY", "127.0.0.1")
                await client.messages.send("supportbot", "hi", user_ids=TO)
        assert len(proxy.asked) == 2


async def test_the_accounts_server_is_reached_through_it():
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox)) as proxy:
        auth = RefreshToken("1000.C", "secret", "a-refresh", accounts_url=CLIQ)
        async with a_client(auth, proxy=proxy.url) as client:
            await client.messages.send("supportbot", "hi", user_ids=TO)
            assert sandbox.report()["requests"] == {"send_message": 1}
        assert proxy.asked == [f"POST {CLIQ}/oauth/v2/token"]  # one connection for both


async def test_a_refused_password_is_not_shown():
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox), "right") as proxy:
        url = proxy.url.replace("//", "//ann:hidden@")
        async with a_client(base_url="https://cliq.invalid", proxy=url) as client:
            with pytest.raises(TransportError) as caught:
                await client.messages.send("supportbot", "hi", user_ids=TO)
    assert "407" in str(caught.value)
    assert "hidden" not in str(caught.value)


async def test_a_netrc_file_does_not_replace_the_token(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("default login ann password p")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with Sandbox() as sandbox, a_client(base_url=sandbox.url, trust_env=True) as client:
        await client.messages.send("supportbot", "hi", user_ids=TO)
