"""Credentials of each kind, the data center they are for, and that none of them is shown."""

import asyncio
import logging
import traceback

import attrs
import pytest
from support.scripted import Scripted, answer, moved
from support.token_providers import CREDENTIALS, UNREADY, an_authority, numbered, value

from cliq_async.auth.provider import AccessToken, ClientCredentials, RefreshToken, validate_auth
from cliq_async.client import CliqClient
from cliq_async.errors import AuthError, CliqError, ValidationError
from cliq_async.quota.stores.memory import MemoryStore

# A fixed one, and a function.


@moved
async def test_fixed_token_is_given_as_it_is_and_cannot_be_renewed():
    for auth in ("1000.ab", AccessToken("1000.ab")):
        source, transport = an_authority([numbered()], auth=auth)
        assert await value(source) == "1000.ab"
        assert source.current() == AccessToken("1000.ab")
        assert not source.invalidate(AccessToken("1000.ab"))
        assert "1000.ab" not in repr(source)
        assert transport.requests == []


@moved
async def test_function_is_asked_each_time():
    given = iter(["one", "two"])

    async def ask():
        return next(given)

    source, _ = an_authority([numbered()], auth=ask)
    assert source.current() is None
    assert [await value(source), await value(source)] == ["one", "two"]
    assert source.invalidate(AccessToken("one"))
    await source.close()


@pytest.mark.parametrize("value", [None, "", 5, b"token", "two words", "line\n", "schlüssel"])
@moved
async def test_function_that_gives_no_token_is_an_auth_error(value):
    async def ask():
        return value

    source, _ = an_authority([numbered()], auth=ask)
    with pytest.raises(AuthError, match="returned no valid access token"):
        await source.token()


@moved
async def test_function_that_fails_is_an_auth_error_with_its_cause():
    async def ask():
        raise OSError("the vault is sealed with hunter2")

    source, _ = an_authority([numbered()], auth=ask)
    with pytest.raises(AuthError, match="OSError") as caught:
        await source.token()
    assert isinstance(caught.value.__cause__, OSError)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(AuthError):
        await an_authority([], auth=lambda: "no coroutine")[0].token()


@moved
async def test_function_that_is_cancelled_is_no_auth_error():
    async def ask():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await an_authority([], auth=ask)[0].token()


@pytest.mark.parametrize(
    "auth", ["", " ", "a b", "token\n", "schlüssel", 5, None, b"token", object()]
)
def test_what_cannot_be_a_token_is_refused_at_once_and_not_shown(auth):
    with pytest.raises(ValidationError) as caught:
        validate_auth(auth)
    assert "schlüssel" not in str(caught.value)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_credentials_are_not_empty(position):
    values = ["id", "secret", "token"]
    values[position] = ""
    with pytest.raises(ValidationError):
        RefreshToken(*values)


# A client that acts for itself.


@moved
async def test_client_credentials_ask_for_all_scopes_of_bots_but_the_one_that_is_refused():
    source, transport = an_authority([numbered()], auth=ClientCredentials("id", "a-secret"))
    assert await value(source) == "token-1"
    (sent,) = transport.requests
    body = sent.body.decode()
    assert body.startswith(
        "grant_type=client_credentials&client_id=id&client_secret=a-secret&scope="
    )
    assert "ZohoCliq.Webhooks.CREATE" in body
    assert "ZohoCliq.Channels.UPDATE" not in body
    assert "ZohoCliq.Functions" not in body


@pytest.mark.parametrize("scopes", ["A,B", ["A", "B"], ("A", "B")])
@moved
async def test_client_credentials_ask_for_the_scopes_that_are_wanted(scopes):
    auth = ClientCredentials("id", "a-secret", scopes=scopes)
    source, transport = an_authority([numbered()], auth=auth)
    await source.token()
    assert transport.requests[0].body.endswith(b"&scope=A%2CB")
    assert "a-secret" not in repr(auth)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["a b"]},
        {"scopes": 5},
        {"scopes": ""},
        {"share": 1},
        {"accounts_url": "accounts.zoho.eu"},
        {"accounts_url": "https://ann:hidden@accounts.zoho.eu"},
        {"accounts_url": 5},
    ],
    ids=repr,
)
def test_wrong_part_of_credentials_is_refused_by_its_name(wrong):
    (name,) = wrong
    with pytest.raises(ValidationError) as caught:
        ClientCredentials("id", "a-secret", **wrong)
    assert caught.value.field == name
    assert "hidden" not in str(caught.value)
    if name != "scopes":
        with pytest.raises(ValidationError):
            RefreshToken("id", "a-secret", "token", **wrong)


# The data center.


@pytest.mark.parametrize("error", ["invalid_client", "invalid_code"])
@moved
async def test_unknown_client_or_token_names_the_data_center_that_was_asked(error):
    source, _ = an_authority([answer(200, {"error": error})])
    with pytest.raises(AuthError) as caught:
        await source.token()
    assert "accounts.zoho.eu/oauth/v2/token (data center eu)" in str(caught.value)
    assert "CLIQ_DATA_CENTER" in str(caught.value)


@pytest.mark.parametrize("api_domain", ["https://www.zohoapis.in", "www.zohoapis.in"])
@moved
async def test_account_elsewhere_is_one_warning_with_the_right_name(api_domain, caplog):
    source, _ = an_authority([numbered(api_domain=api_domain)], data_center="eu")
    for _ in range(3):
        source.invalidate(await source.token())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "belongs to data center 'in'" in record.getMessage()
    assert "CLIQ_DATA_CENTER=in" in record.getMessage()


@pytest.mark.parametrize(
    ("api_domain", "data_center", "accounts_url"),
    [
        ("https://www.zohoapis.eu", "eu", None),
        ("https://www.zohoapis.in", None, None),  # another server than Zoho's is asked
        ("https://www.zohoapis.in", "eu", "http://127.0.0.1:8080"),
        ("https://www.zohoapis.in", "eu", "http://localhost:8080"),
        ("https://www.zohoapis.in", "eu", "http://[::1]:8080"),
        ("https://www.zohoapis.mars", "eu", None),
        (None, "eu", None),
        (7, "eu", None),
    ],
)
@moved
async def test_no_warning_where_nothing_is_known_to_be_wrong(
    api_domain, data_center, accounts_url, caplog
):
    auth = attrs.evolve(CREDENTIALS, accounts_url=accounts_url)
    step = numbered(api_domain=api_domain)
    await an_authority([step], auth=auth, data_center=data_center)[0].token()
    assert caplog.records == []


@moved
async def test_client_warns_for_a_data_center_and_not_for_another_server(caplog):
    for base_url, warnings in (("https://sandbox", 0), (None, 1)):
        steps = [numbered(api_domain="https://www.zohoapis.jp"), answer(200, {"data": []})]
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        transport = Scripted(steps)
        async with CliqClient(
            CREDENTIALS, data_center="sa", base_url=base_url, quota=store, transport=transport
        ) as client:
            await client.bots.list()
        assert transport.requests[0].url == "https://accounts.zoho.sa/oauth/v2/token"
        assert len(caplog.records) == warnings


# Secrets.


@pytest.mark.parametrize(
    "step",
    [
        UNREADY,
        answer(200, {"error": "a-refresh-token a-client-secret"}),
        answer(200, {"refresh_token": "a-refresh-token"}),
        "lost",
        "unsent",
        OSError("broken"),
    ],
)
@moved
async def test_traceback_shows_no_secret_not_even_in_the_variables_of_its_frames(step):
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    client = CliqClient(CREDENTIALS, quota=store, transport=Scripted([step]), max_wait_s=0)
    async with client:
        with pytest.raises(AuthError) as caught:
            await client.bots.list()
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert "credentials" in shown or "self" in shown, "the variables are there"
    for secret in (CREDENTIALS.client_secret, CREDENTIALS.refresh_token):
        assert secret not in shown.replace(repr(step), "")


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@moved
async def test_traceback_of_a_refused_call_shows_no_access_token(status):
    for auth in ("1000.secret", AccessToken("1000.secret"), CREDENTIALS):
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        made = answer(200, {"access_token": "1000.secret"})

        def reply(request, made=made):
            return made if "oauth" in request.url else answer(status)

        async with CliqClient(auth, quota=store, transport=Scripted([reply])) as client:
            with pytest.raises(CliqError) as caught:
                await client.bots.list()
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [frame for frame in told.stack if "/tests/" not in frame.filename]
        assert ours
        for frame in ours:
            assert "1000.secret" not in str(frame.locals)


@pytest.mark.parametrize("auth", ["1000.two words", "1000.secret\n", b"1000.secret"])
def test_traceback_of_what_cannot_be_a_token_does_not_show_it(auth):
    with pytest.raises(ValidationError) as caught:
        CliqClient(auth)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    for frame in told.stack:
        if "/tests/" not in frame.filename:
            assert repr(auth) not in str(frame.locals)
