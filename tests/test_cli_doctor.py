"""`cliq doctor`: says what is wrong, sends next to nothing, and locks nobody out."""

import asyncio
import json
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from logins import CLIENT, cliq, log_in
from scripted import Scripted, answer
from test_cli import SECRET

from cliq_async.cli import checks, reaching
from cliq_async.cli.check import OK, UNCHECKED, WRONG
from cliq_async.cli.checks import Doctor
from cliq_async.cli.effective import resolve
from cliq_async.cli.failures import Failure
from cliq_async.cli.profiles import Book, Profile, Secrets
from cliq_async.cli.reaching import Observer, reach
from cliq_async.cli.scopes import COMMANDS, commands_named, scopes_of
from cliq_async.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("places")


async def examined(*args, env=None):
    """The exit status, and each check by its name."""
    result = await cliq("doctor", "--json", *args, env=env)
    told = json.loads(result.stdout)
    assert told["ok"] == (result.exit_code == 0)
    return result.exit_code, {each["name"]: each for each in told["checks"]}


async def settled(sandbox):
    """Have the sandbox notice that connections on which nothing was asked are gone."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sandbox.url}/sandbox/report") as report,
    ):
        assert report.status == 200


def wrong(found):
    return [name for name, check in found.items() if check["status"] == WRONG]


async def test_all_is_well_after_a_login_and_it_took_one_request_of_the_quota():
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        result = await cliq("doctor")
        status, found = await examined()
        quota = json.loads((await cliq("quota", "--json")).stdout)
        report = sandbox.report()
    assert (result.exit_code, status, result.stderr) == (0, 0, "")
    assert result.stdout.endswith("\n\nall is well\n")
    assert "\nok           request: list_bots with limit=1 was answered\n" in result.stdout
    assert (report["requests"], report["token_requests"]) == ({"list_bots": 2}, 1)
    assert quota["list_bots"]["free"] == 28
    unchecked = [name for name, check in found.items() if check["status"] == UNCHECKED]
    assert set(unchecked) == {"data center"} | set(scopes_of()) - {"ZohoCliq.Bots.READ"}
    assert "associate_channel" in found["ZohoCliq.Channels.UPDATE"]["said"]
    assert found["clock"]["said"].startswith("as the server's")


async def test_a_token_that_cliq_refuses_is_wrong_and_never_shown():
    async with Sandbox(faults=["401:1"]) as sandbox:
        env = {"CLIQ_ACCESS_TOKEN": SECRET, "CLIQ_BASE_URL": sandbox.url}
        result = await cliq("doctor", env=env)
        status, found = await examined(env=env)
    assert (status, wrong(found)) == (1, ["request"])
    assert found["request"]["advice"] == "make a new one: it lives an hour"
    assert SECRET not in result.output
    assert result.stdout.endswith("\n\n1 check went wrong\n")


async def test_a_wrong_client_or_refresh_token_is_told_in_the_accounts_servers_words():
    async with Sandbox() as sandbox:
        env = CLIENT | {"CLIQ_ACCOUNTS_URL": sandbox.url, "CLIQ_BASE_URL": sandbox.url}
        status, found = await examined(env=env | {"CLIQ_REFRESH_TOKEN": "invalid"})
        other = env | {"CLIQ_REFRESH_TOKEN": "x", "CLIQ_CLIENT_ID": "invalid"}
        _, client = await examined(env=other)
        assert sandbox.report()["requests"] == {}
    assert (status, wrong(found), wrong(client)) == (1, ["token"], ["token"])
    assert "invalid_code" in found["token"]["said"]
    assert "invalid_client" in client["token"]["said"]


async def test_a_lock_is_told_and_not_asked_into():
    async with Sandbox(faults=["throttle-429:x1@list_bots"]) as sandbox:
        env = {"CLIQ_ACCESS_TOKEN": SECRET, "CLIQ_BASE_URL": sandbox.url}
        _, first = await examined("--max-wait", "1", env=env)
        status, found = await examined("--max-wait", "1", env=env)
        await settled(sandbox)
        report = sandbox.report()
    assert wrong(first) == ["request"]
    assert (status, wrong(found)) == (1, ["locks", "request"])
    assert "Cliq has locked list_bots for 5:0" in found["locks"]["said"]
    assert report["refused_while_locked"] == 0
    assert report["requests"] == {"list_bots": 1}


async def test_a_spent_quota_is_waited_for_no_longer_than_allowed(places):
    (places / "work/cliq.toml").write_text("[limits]\nlist_bots = 1")
    async with Sandbox() as sandbox:
        await log_in(sandbox)
        await examined()
        status, found = await examined("--max-wait", "0.1")
        await settled(sandbox)
    assert (status, wrong(found)) == (1, ["request"])
    assert "the quota is spent; again at" in found["request"]["said"]


async def test_what_is_wrong_with_files_and_places_is_told(places):
    toml = places / "work/cliq.toml"
    async with Sandbox() as sandbox:
        assert wrong((await examined())[1]) == ["credentials", "Cliq", "accounts server"]
        toml.write_text("data_centre = 'eu'")
        status, found = await examined()
        assert (status, list(found)) == (1, ["versions", "settings"])
        assert found["settings"]["said"].startswith(f"{toml}: data_centre: there is no such")
        toml.unlink()
        await log_in(sandbox)
        Book().path.chmod(0o644)
        _, found = await examined()
        assert (wrong(found), found["token"]["status"]) == (["credentials"], UNCHECKED)
        assert found["credentials"]["advice"] == f"chmod 600 {Book().path}"
        Book().path.chmod(0o600)
        (places / "no.db").write_text("# my notes\n" * 100)
        for url, said in (
            (f"sqlite://{places}/no.db", f"{places}/no.db: "),
            (f"sqlite://{places}/no.db/quota.db", f"{places}/no.db"),
            ("redis://127.0.0.1:1", "redis://127.0.0.1:1"),
            ("memory://", "memory:// is each command's own"),
            ("nowhere", "quota: a store, or sqlite:///path"),
        ):
            status, found = await examined("--quota", url)
            assert (status, wrong(found)) == (1, ["quota store"]), url
            assert said in found["quota store"]["said"]
        await settled(sandbox)
        assert sandbox.report()["requests"] == {}


async def test_servers_that_cannot_be_reached_are_told_and_not_asked():
    async with Sandbox() as sandbox:
        https = sandbox.url.replace("http:", "https:")
        options = ("--token", SECRET, "--base-url")
        for url, said in (
            (https, ": no TLS ("),
            ("http://127.0.0.1:1", ": nothing listens on 127.0.0.1:1"),
            ("https://nowhere.invalid", ": no address is known for nowhere.invalid"),
            ("http://nowhere.invalid", ": tokens would go there for all to read: use https://"),
        ):
            allowed = {"CLIQ_ALLOW_HTTP": "nowhere.invalid"}
            status, found = await examined(*options, url, env=allowed)
            assert (status, wrong(found)) == (1, ["Cliq"]), url
            assert said in found["Cliq"]["said"]
        await settled(sandbox)
        assert sandbox.report()["requests"] == {}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "no answer in 10 s: is a firewall"),
        (socket.gaierror(-2, "x"), "no address is known for host"),
        (ssl.SSLCertVerificationError(1, "x"), "its certificate is not trusted ("),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError(), "OSError"),
    ],
)
async def test_why_a_server_cannot_be_reached_is_said_in_plain_words(monkeypatch, error, said):
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "certificate has expired"

    async def fail(*_, **__):
        raise error

    monkeypatch.setattr(reaching.asyncio, "open_connection", fail)
    with pytest.raises(Failure) as caught:
        await reach("https://host")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("days", "said"), [(100.0, ""), (3.0, ", which is soon"), (None, None)], ids=str
)
async def test_tls_and_the_end_of_the_certificate_are_told(monkeypatch, days, said):
    until = datetime.now(UTC) + timedelta(days=days or 0)
    told = {} if days is None else {"notAfter": f"{until:%b %d %H:%M:%S %Y} GMT"}

    class Tls:
        def version(self):
            return "TLSv1.3"

        def getpeercert(self):
            return told

    class Writer:
        def get_extra_info(self, name):
            return Tls()

        def close(self):
            pass

        async def wait_closed(self):
            pass

    async def connected(host, port, **options):
        assert (host, port) == ("cliq.zoho.eu", 443)
        assert options["ssl"].check_hostname
        return None, Writer()

    monkeypatch.setattr(reaching.asyncio, "open_connection", connected)
    found = await reach("https://cliq.zoho.eu")
    ending = ", TLSv1.3" + ("" if said is None else f", certificate until {until:%Y-%m-%d}{said}")
    assert found.endswith(f" ms{ending}")


# Zoho's own servers, without them.

ENV = CLIENT | {"CLIQ_REFRESH_TOKEN": "1000.refresh"}
MADE = {"access_token": "1000.access", "expires_in": 3600, "api_domain": "https://www.zohoapis.com"}


def dated(response, **off):
    """The response, with the time at which it is asked for."""

    def answered(_request):
        date = format_datetime(datetime.now(UTC) + timedelta(**off), usegmt=True)
        return type(response)(response.status, {"Date": date}, response.body)

    return answered


async def look(monkeypatch, *steps, env=None, commands=tuple(COMMANDS), **given):
    async def reached(_url):
        return "connected"

    monkeypatch.setattr(checks, "reach", reached)
    effective = resolve(given, environ=ENV if env is None else env)
    observer = Observer(Scripted(list(steps)))
    doctor = Doctor(effective, commands=commands, max_wait_s=1, observer=observer)
    return {check.name: check async for check in doctor.checks()}


def statuses(found, *names):
    return [found[name].status for name in names]


async def test_an_account_that_lives_elsewhere_is_told_with_what_says_so(monkeypatch):
    elsewhere = answer(200, MADE | {"api_domain": "https://www.zohoapis.eu"})
    found = await look(monkeypatch, elsewhere, answer(200, {"data": []}), data_center="in")
    check = found["data center"]
    assert check.status == WRONG
    assert check.said.startswith("the account lives in eu, and in is asked (--data-center); ")
    assert "eu" in check.advice
    right = await look(monkeypatch, answer(200, MADE), answer(200, {"data": []}), account="b")
    assert right["data center"].status == OK


async def test_where_a_token_is_shared_the_login_tells_the_data_center(monkeypatch):
    login = Profile(
        client_id="1000.CLIENT",
        account="default",
        data_center="eu",
        accounts_url="https://accounts.zoho.eu",
        secrets=Secrets("a-secret", "a-refresh"),
    )
    Book().put("default", login)
    steps = (answer(200, MADE | {"api_domain": None}), answer(200, {"data": []}))
    found = await look(monkeypatch, *steps, env={})
    assert found["data center"].said == "eu; so said the accounts server at the login"
    fixed = await look(monkeypatch, answer(200, {"data": []}), env={"CLIQ_ACCESS_TOKEN": SECRET})
    assert fixed["data center"].status == UNCHECKED


@pytest.mark.parametrize(
    ("seconds", "status", "said"),
    [
        (0, OK, "as the server's"),
        (10, OK, r"this machine's clock is (9\.\d|10(\.0)?) s behind the server's"),
        (-3600, WRONG, r"this machine's clock is (59:5\d min|1:00:0\d h) before the server's"),
        (3600, WRONG, r"this machine's clock is (59:5\d min|1:00:0\d h) behind the server's"),
    ],
)
async def test_a_clock_that_is_off_is_told(monkeypatch, seconds, status, said):
    steps = (answer(200, MADE), dated(answer(200, {"data": []}), seconds=seconds))
    found = await look(monkeypatch, *steps)
    assert found["clock"].status == status
    assert re.match(said, found["clock"].said)


@pytest.mark.parametrize("date", ["yesterday", "", None])
async def test_no_date_is_no_clock(monkeypatch, date):
    headers = {} if date is None else {"Date": date}
    found = await look(monkeypatch, answer(200, MADE), answer(200, {"data": []}, headers))
    assert found["clock"].status == UNCHECKED


async def test_scopes_are_known_by_the_request_and_by_what_the_accounts_server_says(monkeypatch):
    lacks = answer(401, {"code": "oauthtoken_scope_invalid", "message": "Invalid scope"})
    found = await look(monkeypatch, answer(200, MADE), lacks, account="a")
    assert statuses(found, "request", "ZohoCliq.Bots.READ", "ZohoCliq.Webhooks.CREATE") == (
        [OK, WRONG, UNCHECKED]
    )
    assert "cliq bots list" in found["ZohoCliq.Bots.READ"].said
    assert "a new code with ZohoCliq.Bots.READ" in found["ZohoCliq.Bots.READ"].advice
    says = answer(200, MADE | {"scope": "ZohoCliq.Webhooks.CREATE ZohoCliq.Bots.READ"})
    env = ENV | {"CLIQ_REFRESH_TOKEN": "1000.other"}
    said = await look(monkeypatch, says, answer(200, {"data": []}), env=env)
    names = ("ZohoCliq.Bots.READ", "ZohoCliq.Webhooks.CREATE", "ZohoCliq.Bots.DELETE")
    assert statuses(said, *names) == [OK, OK, WRONG]


async def test_only_the_scopes_of_the_named_commands_matter(monkeypatch):
    says = answer(200, MADE | {"scope": "ZohoCliq.Webhooks.CREATE"})
    lacks = answer(401, {"code": "oauthtoken_scope_invalid", "message": "Invalid scope"})
    found = await look(monkeypatch, says, lacks, commands=["send", "call"])
    assert [check.name for check in found.values() if check.status == WRONG] == []
    assert found["ZohoCliq.Webhooks.CREATE"].said == "cliq send, call"


async def test_any_other_answer_is_wrong_and_one_line(monkeypatch):
    for number, (step, said) in enumerate(
        (
            (answer(403, {"code": "x_denied", "message": "No"}), "No (HTTP 403"),
            (answer(404, b"<html>"), "HTTP 404"),
            (answer(500, {"message": "boom"}), "boom"),
        )
    ):
        env = ENV | {"CLIQ_REFRESH_TOKEN": f"1000.{number}"}
        monkeypatch.setattr(asyncio, "sleep", _at_once)
        found = await look(monkeypatch, answer(200, MADE), step, env=env)
        assert found["request"].status == WRONG
        assert said in found["request"].said


async def _at_once(_seconds):
    pass


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), list(COMMANDS)),
        (("send",), ["send"]),
        (("bots", "get", "send"), ["bots get", "send"]),
        (("subscribers",), ["subscribers list", "subscribers export", "subscribers sync"]),
        (("bots list", "bots list"), ["bots list"]),
    ],
)
def test_commands_go_by_their_words(words, named):
    assert commands_named(words) == named


async def test_a_command_that_is_none_is_wrong_usage():
    for args in (("doctor", "dance"), ("auth", "scopes", "quota")):
        result = await cliq(*args)
        assert result.exit_code == 2
        assert "no command that needs a scope; there are send, broadcast" in result.stderr


async def test_scopes_are_one_line_to_paste():
    result = await cliq("auth", "scopes", "send", "bots", "delete", "incoming")
    assert result.stdout == (
        "ZohoCliq.Webhooks.CREATE,ZohoCliq.Bots.READ,ZohoCliq.Bots.DELETE,"
        "ZohoCliq.BotMessages.CREATE\n"
    )
    every = await cliq("auth", "scopes")
    assert every.stdout.splitlines()[-1] == ",".join(scopes_of())
    told = json.loads((await cliq("auth", "scopes", "--json")).stdout)
    assert list(told) == list(COMMANDS)
