"""Proxies on the command line: where they come from, what is shown of them, and what uses them."""

import pytest
from support.cli import SECRET, invoke, run, zuids
from support.configs import told
from support.proxies import Proxy
from support.tcp_servers import Server

from cliq_async.cli.commands.sandbox_run import environment
from cliq_async.cli.diagnostics.connectivity import probe
from cliq_async.cli.errors import CliError
from cliq_async.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("here")

SEND = ("send", "supportbot", "hi", "--to", zuids(1)[0])
CLIQ = {"CLIQ_BASE_URL": "http://cliq.invalid", "CLIQ_ALLOW_HTTP": "cliq.invalid"}
HOSTS = ("cliq.invalid",)
SECRETIVE = "http://ann:p%40ss@proxy:3128"
MASKED = "http://ann:(hidden)@proxy:3128"


def port_of(sandbox):
    return int(sandbox.url.rpartition(":")[2])


def test_each_source_wins_over_those_behind_it(here, own_toml):
    assert told()["proxy"] == (None, "built in")
    env = {"https_proxy": SECRETIVE}
    assert told(env=env)["proxy"] == (MASKED, "https_proxy")
    own_toml.write_text('proxy = "http://own:1"')
    assert told(env=env)["proxy"] == ("http://own:1", str(own_toml))
    (here / "cliq.toml").write_text('proxy = "http://localhost:1"')
    assert told(env=env)["proxy"] == ("http://localhost:1", f"{here}/cliq.toml")
    env["CLIQ_PROXY"] = SECRETIVE
    assert told(env=env)["proxy"] == (MASKED, "CLIQ_PROXY")
    assert told("--proxy", "http://option:1", env=env)["proxy"] == ("http://option:1", "--proxy")


def test_no_proxy_counts_for_the_environment_alone():
    env = {"HTTPS_PROXY": SECRETIVE, "NO_PROXY": ".zoho.com"}
    assert told(env=env)["proxy"] == (None, "built in")
    assert told(env=env | {"CLIQ_PROXY": SECRETIVE})["proxy"] == (MASKED, "CLIQ_PROXY")


def test_the_proxy_of_a_file_is_not_for_servers_of_this_machine(own_toml):
    own_toml.write_text('proxy = "http://own:1"')
    env = {"CLIQ_BASE_URL": "http://127.0.0.1:8080/"}
    assert told(env=env)["proxy"] == (None, "built in")
    assert told(env=env | {"CLIQ_PROXY": "http://a:1"})["proxy"] == ("http://a:1", "CLIQ_PROXY")


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://ann:hidden@proxy:3128", "proxy: a password: secrets do not belong in this file"),
        ("http://proxy:3128", "proxy: a file in the current folder can only name Zoho's servers"),
        ("socks5://hidden:1", "proxy: the URL of an HTTP proxy, such as"),
    ],
)
def test_a_file_of_the_current_folder_names_no_proxy_elsewhere(proxy, said, here):
    (here / "cliq.toml").write_text(f'proxy = "{proxy}"')
    result = invoke("config")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "hidden" not in result.stderr


@pytest.mark.parametrize("variable", ["CLIQ_PROXY", "HTTPS_PROXY"])
@pytest.mark.parametrize("args", [SEND, ("config",), ("doctor",), ("auth", "status")])
def test_an_invalid_proxy_is_refused_in_words(variable, args):
    env = {"CLIQ_ACCESS_TOKEN": SECRET, variable: "socks5://ann:hidden@proxy:1080"}
    result = invoke(*args, env=env)
    assert result.exit_code in {1, 2}
    assert "the URL of an HTTP proxy, such as" in result.output
    assert "hidden" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("name", ["CLIQ_PROXY", "HTTP_PROXY", "--proxy"])
async def test_requests_go_through_it(name):
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox), "p@ss") as proxy:
        url = proxy.url.replace("//", "//ann:p%40ss@")
        options, env = ((name, url), {}) if name == "--proxy" else ((), {name: url})
        result = await run(sandbox, *SEND, *options, env=CLIQ | env)
    assert result.exit_code == 0
    assert proxy.asked == ["POST http://cliq.invalid/api/v3/bots/supportbot/message"]


async def test_logins_and_tokens_go_through_it(places):
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox)) as proxy:
        env = CLIQ | {"HTTP_PROXY": proxy.url, "CLIQ_CLIENT_ID": "a", "CLIQ_CLIENT_SECRET": "b"}
        env |= {"CLIQ_ACCOUNTS_URL": "http://cliq.invalid"}
        result = await run(sandbox, "auth", "login", env=env, stdin="code\n")
        assert result.exit_code == 0
        del env["CLIQ_CLIENT_ID"], env["CLIQ_CLIENT_SECRET"]
        result = await run(sandbox, "auth", "status", "--profile", "default", env=env)
        assert result.exit_code == 0
        result = await run(sandbox, "auth", "logout", env=env)
        assert result.exit_code == 0
    assert [each.rpartition("/")[2] for each in proxy.asked] == ["token", "revoke"]


async def test_the_doctor_names_the_proxy():
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox), "p@ss") as proxy:
        url = proxy.url.replace("//", "//ann:p%40ss@")
        env = {"CLIQ_PROXY": url}
        result = await run(sandbox, "doctor", "send", env=env)
        api = f"GET {sandbox.url}/api/v3/bots"
    assert f"through the proxy {proxy.url} (CLIQ_PROXY), connected in " in result.stdout
    assert "list_bots with limit=1 was answered" in result.stdout
    assert "ann" not in result.output
    assert [each.partition("?")[0] for each in proxy.asked] == [api]


async def test_the_doctor_says_what_a_proxy_refuses():
    async with Sandbox(hosts=HOSTS) as sandbox, Proxy(port_of(sandbox), "right") as proxy:
        env = {"CLIQ_BASE_URL": "https://cliq.invalid", "HTTPS_PROXY": proxy.url}
        result = await run(sandbox, "doctor", "send", env=env)
    said = "the proxy refuses the user and the password in its URL, or needs them (HTTP 407)"
    assert f"through the proxy {proxy.url} (HTTPS_PROXY), {said}" in result.stdout
    assert proxy.asked == ["CONNECT cliq.invalid:443"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "does not open a tunnel to it (HTTP 502)"),
        (b"\x05\x00", "did not answer in HTTP: check that it is a proxy"),
        (b"x" * 100_000, "did not answer in HTTP: check that it is a proxy"),
    ],
)
async def test_the_doctor_says_what_is_no_proxy(answer, said):
    async def play(exchange):
        await exchange.request()
        await exchange.answer(answer)

    async with Server(play) as server:
        with pytest.raises(CliError) as caught:
            await probe("https://cliq.invalid", f"http://127.0.0.1:{server.port}")
    assert said in str(caught.value)


async def test_the_doctor_needs_the_proxy_to_be_there():
    with pytest.raises(CliError, match=r"nothing listens on 127.0.0.1:1"):
        await probe("https://cliq.invalid", "http://127.0.0.1:1")


def test_programs_beside_a_sandbox_reach_it_directly():
    env = environment("http://127.0.0.1:1", "memory://", time_scale=1, environ={"NO_PROXY": "a.b"})
    assert (env["NO_PROXY"], env["no_proxy"]) == ("a.b,127.0.0.1", "127.0.0.1")
