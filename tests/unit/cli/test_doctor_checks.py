"""The doctor's checks on answers of Zoho's own servers, which a test plays."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from support.cli import SECRET
from support.logins import CLIENT
from support.scripted import Scripted, answer

from cliq_async.cli.diagnostics import checks
from cliq_async.cli.diagnostics.checks import Doctor
from cliq_async.cli.diagnostics.connectivity import ObservingTransport
from cliq_async.cli.diagnostics.result import OK, UNCHECKED, WRONG
from cliq_async.cli.required_scopes import ENDPOINTS_BY_COMMAND
from cliq_async.cli.settings.profiles import Profile, ProfileStore, Secrets
from cliq_async.cli.settings.resolution import resolve

pytestmark = pytest.mark.usefixtures("places")


ENV = CLIENT | {"CLIQ_REFRESH_TOKEN": "1000.refresh"}
MADE = {"access_token": "1000.access", "expires_in": 3600, "api_domain": "https://www.zohoapis.com"}


def dated(response, **off):
    """The response, with the time at which it is asked for."""

    def answered(_request):
        date = format_datetime(datetime.now(UTC) + timedelta(**off), usegmt=True)
        return type(response)(response.status, {"Date": date}, response.body)

    return answered


async def look(monkeypatch, *steps, env=None, commands=tuple(ENDPOINTS_BY_COMMAND), **given):
    async def reached(_url, _proxy):
        return "connected"

    monkeypatch.setattr(checks, "probe", reached)
    resolved = resolve(given, environ=ENV if env is None else env)
    observer = ObservingTransport(Scripted(list(steps)))
    doctor = Doctor(resolved, commands=commands, max_wait_s=1, observer=observer)
    return {check.name: check async for check in doctor.checks()}


def statuses(found, *names):
    return [found[name].status for name in names]


async def test_an_account_that_lives_elsewhere_is_told_with_what_says_so(monkeypatch):
    elsewhere = answer(200, MADE | {"api_domain": "https://www.zohoapis.eu"})
    found = await look(monkeypatch, elsewhere, answer(200, {"data": []}), data_center="in")
    check = found["data center"]
    assert check.status == WRONG
    assert check.said.startswith(
        "the account belongs to eu according to the accounts server, but requests go to in (--"
    )
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
    ProfileStore().put("default", login)
    steps = (answer(200, MADE | {"api_domain": None}), answer(200, {"data": []}))
    found = await look(monkeypatch, *steps, env={})
    assert found["data center"].said == "eu, according to the accounts server at the login"
    fixed = await look(monkeypatch, answer(200, {"data": []}), env={"CLIQ_ACCESS_TOKEN": SECRET})
    assert fixed["data center"].status == UNCHECKED


async def test_an_api_key_is_sent_and_has_neither_accounts_server_nor_scopes(monkeypatch):
    env = {"CLIQ_ZAPIKEY": SECRET}
    found = await look(monkeypatch, answer(200, {"data": []}), env=env)
    assert found["token"].said == "an API key is given; it does not expire"
    assert found["credentials"].said == "API key of CLIQ_ZAPIKEY"
    assert statuses(found, "request", "data center", "scopes") == [OK, UNCHECKED, UNCHECKED]
    assert "accounts server" not in found
    assert not [name for name in found if name.startswith("ZohoCliq.")]
    found = await look(monkeypatch, answer(401, {"message": f"no {SECRET}"}), env=env)
    assert found["request"].status == WRONG
    assert found["request"].said.startswith("Cliq does not accept the API key: list_bots: no … (")
    assert "OAuth" in found["request"].advice


@pytest.mark.parametrize(
    ("seconds", "status", "said"),
    [
        (0, OK, "equal to the server's"),
        (10, OK, r"this machine's clock is (9\.\d|10(\.0)?) s behind the server's"),
        (-3600, WRONG, r"this machine's clock is (59:5\d min|1:00:0\d h) ahead of the server's"),
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
    assert "generate a code with ZohoCliq.Bots.READ" in found["ZohoCliq.Bots.READ"].advice
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
