"""`cliq doctor` at a sandbox: says what is wrong, sends next to nothing, and locks nobody out."""

import json

import aiohttp
import pytest
from support.cli import SECRET
from support.logins import CLIENT, cliq, log_in

from cliq_async.cli.diagnostics.result import UNCHECKED, WRONG
from cliq_async.cli.required_scopes import scopes_needed
from cliq_async.cli.settings.profiles import ProfileStore
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
    assert result.stdout.endswith("\n\nno problems found\n")
    assert "\nok           request: list_bots with limit=1 was answered\n" in result.stdout
    assert (report["requests"], report["token_requests"]) == ({"list_bots": 2}, 1)
    assert quota["list_bots"]["free"] == 28
    unchecked = [name for name, check in found.items() if check["status"] == UNCHECKED]
    assert set(unchecked) == {"data center"} | set(scopes_needed()) - {"ZohoCliq.Bots.READ"}
    said = found["ZohoCliq.Channels.UPDATE"]["said"]
    assert said == "only requests that change something show it: associate_channel"
    said = found["ZohoCliq.Functions.READ"]["said"]
    assert said.startswith("this command sends no request that shows it: list_func")
    assert found["clock"]["said"].startswith("equal to the server's")


async def test_a_token_that_cliq_refuses_is_wrong_and_never_shown():
    async with Sandbox(faults=["401:1"]) as sandbox:
        env = {"CLIQ_ACCESS_TOKEN": SECRET, "CLIQ_BASE_URL": sandbox.url}
        result = await cliq("doctor", env=env)
        status, found = await examined(env=env)
    assert (status, wrong(found)) == (1, ["request"])
    assert found["request"]["advice"] == "get a new one: it is valid for an hour"
    assert SECRET not in result.output
    assert result.stdout.endswith("\n\n1 check failed\n")


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
    assert "Cliq has locked list_bots until " in found["locks"]["said"]
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
    assert "the quota is spent; retry at" in found["request"]["said"]


async def test_what_is_wrong_with_files_and_places_is_told(places):
    toml = places / "work/cliq.toml"
    async with Sandbox() as sandbox:
        found = (await examined())[1]
        assert wrong(found) == ["credentials", "Cliq", "accounts server"]
        unchecked = sum(each["status"] == UNCHECKED for each in found.values())
        assert (found["credentials"]["said"], unchecked > 9) == ("not given", True)
        lines = (await cliq("doctor")).stdout.splitlines()
        assert lines[3].startswith("             fix: give --token, or set CLIQ_ACCESS_TOKEN, or ")
        assert [each for each in lines if each.startswith(UNCHECKED)] == [
            f"not checked  {unchecked} more checks: they need credentials"
        ]
        toml.write_text("data_centre = 'eu'")
        status, found = await examined()
        assert (status, list(found)) == (1, ["versions", "settings"])
        assert found["settings"]["said"].startswith(f"{toml} line 1: data_centre: there is no such")
        toml.unlink()
        await log_in(sandbox)
        ProfileStore().path.chmod(0o644)
        _, found = await examined()
        assert (wrong(found), found["token"]["status"]) == (["credentials"], UNCHECKED)
        assert found["credentials"]["advice"] == f"chmod 600 {ProfileStore().path}"
        ProfileStore().path.chmod(0o600)
        (places / "no.db").write_text("# my notes\n" * 100)
        for url, said in (
            (f"sqlite://{places}/no.db", f"{places}/no.db: "),
            (f"sqlite://{places}/no.db/quota.db", f"{places}/no.db"),
            ("redis://127.0.0.1:1", "redis://127.0.0.1:1"),
            ("memory://", "memory:// is not shared"),
            ("nowhere", "--quota: sqlite:///path"),
        ):
            status, found = await examined("--quota", url, "--max-wait", "0.3")
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
            ("https://nowhere.invalid", ": no address found for nowhere.invalid"),
            ("http://nowhere.invalid", ": tokens would be sent unencrypted: use https://"),
        ):
            allowed = {"CLIQ_ALLOW_HTTP": "nowhere.invalid"}
            status, found = await examined(*options, url, env=allowed)
            assert (status, wrong(found)) == (1, ["Cliq"]), url
            assert said in found["Cliq"]["said"]
        await settled(sandbox)
        assert sandbox.report()["requests"] == {}
