"""What a store keeps of access tokens, for whom, and what if it cannot."""

import asyncio
from typing import Any

import pytest
from support import redis_servers
from support.scripted import moved
from support.token_processes import KINDS, Accounts, a_home
from support.token_providers import CREDENTIALS, URL, an_authority, numbered, value

from cliq_async.auth.oauth import TokenGrant
from cliq_async.auth.provider import make_token_provider
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.memory import MemoryStore


@KINDS
@moved
async def test_store_has_neither_the_access_token_nor_what_makes_others(kind, tmp_path):
    accounts = Accounts()
    async with a_home(kind, tmp_path) as home:
        await value(home.process(accounts))
        if kind == "memory":
            stored = str(
                [(name, note.text) for name, note in home.memory._records.items()]
                + list(home.memory._buckets)
            ).encode()
        elif kind == "redis":
            client = redis_servers.shared().client()
            stored = b"".join(key + (client.get(key) or b"") for key in client.scan_iter())
            assert all(client.ttl(key) > 0 for key in client.scan_iter("*record*"))
            client.close()
        else:
            stored = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"encrypted_token" in stored
    for secret in ("token-1", CREDENTIALS.refresh_token, CREDENTIALS.client_secret):
        assert secret.encode() not in stored


@KINDS
@moved
async def test_who_does_not_share_leaves_no_token_and_finds_none(kind, tmp_path):
    accounts = Accounts()
    alone = {"auth": {"share": False}}
    async with a_home(kind, tmp_path) as home:
        assert await value(home.process(accounts)) == "token-1"
        assert await value(home.process(accounts, **alone)) == "token-2"
        assert await value(home.process(accounts)) == "token-1"
    async with a_home(kind, tmp_path / "other") as home:
        home.path.parent.mkdir()
        await value(home.process(accounts, **alone))
        assert await value(home.process(accounts)) == "token-4"


@pytest.mark.parametrize(
    "other",
    [
        {"refresh_token": "another"},
        {"client_id": "another"},
        {"client_secret": "another"},
        {"accounts_url": "https://accounts.zoho.in"},
    ],
    ids=repr,
)
@moved
async def test_other_credentials_share_nothing(other, tmp_path):
    accounts = Accounts()
    async with a_home("memory", tmp_path) as home:
        assert await value(home.process(accounts)) == "token-1"
        assert await value(home.process(accounts, auth=other)) == "token-2"


@pytest.mark.parametrize(
    ("text", "encrypted"),
    [
        *((text, True) for text in ("", "token", "3600", "nan x", "-1 x", "3600 two words", "x y")),
        ("3600 planted", False),  # by somebody who may write the store
        ("3600.0", False),
    ],
)
@moved
async def test_note_that_cannot_be_read_is_none(text, encrypted, tmp_path):
    if encrypted:
        text = TokenGrant.of(CREDENTIALS, URL).cipher().encrypt(text)
    accounts = Accounts()
    loop = asyncio.get_running_loop()
    async with a_home("memory", tmp_path) as home:
        await value(home.process(accounts))
        for name in list(home.memory._records):
            home.memory.set_record(name, text, until=loop.time() + 10)
            home.memory.set_record(name + " trouble", text, until=loop.time() + 10)
        assert await value(home.process(accounts)) == "token-2"


class NoNotes:
    """A store of somebody's own, which knows nothing of notes."""

    def __init__(self, store):
        self.clock = store.clock
        self.take, self.end, self.snapshots = store.take, store.end, store.snapshots


@moved
async def test_store_without_notes_is_used_without_sharing():
    accounts = Accounts()
    store: Any = NoNotes(MemoryStore(clock=asyncio.get_running_loop().time))
    for number in (1, 2):
        source = make_token_provider(CREDENTIALS, accounts.transport, store, accounts_url=URL)
        assert await value(source) == f"token-{number}"


@pytest.mark.parametrize("method", ["get_record", "add_record", "take"])
@moved
async def test_store_that_fails_is_told_to_all_who_wait_and_can_recover(method):
    accounts = Accounts()
    store: Any = MemoryStore(clock=asyncio.get_running_loop().time)

    async def fail(*_args, **_options):
        raise QuotaStoreError("the disk is full")

    setattr(store, method, fail)
    source = make_token_provider(CREDENTIALS, accounts.transport, store, accounts_url=URL)
    got = await asyncio.gather(*(value(source) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in got} == {QuotaStoreError}
    delattr(store, method)
    assert await value(source) == "token-1"
    assert not [name for name in store._records if name.endswith("claim")]


@pytest.mark.parametrize(("budget_s", "wait_s"), [(0.0, 0.25), (1.0, 1.0)])
@pytest.mark.parametrize("method", ["get_record", "add_record", "take"])
@moved
async def test_store_that_hangs_costs_a_call_no_more_than_its_budget(method, budget_s, wait_s):
    accounts, loop = Accounts(), asyncio.get_running_loop()
    store: Any = MemoryStore(clock=loop.time)
    real, answers = getattr(store, method), asyncio.Event()

    async def hang(*args, **options):
        await answers.wait()
        return await real(*args, **options)

    setattr(store, method, hang)
    source = make_token_provider(CREDENTIALS, accounts.transport, store, accounts_url=URL)
    patient = asyncio.create_task(value(source))
    began_at = loop.time()
    with pytest.raises(QuotaStoreError, match=rf"did not answer within {wait_s:g} s; nothing was"):
        await value(source, began_at + budget_s)
    if budget_s:
        with pytest.raises(QuotaStoreError):
            await value(source, began_at + 100.0)
        assert loop.time() == pytest.approx(began_at + wait_s), "the second call fails at once"
    answers.set()
    assert await patient == "token-1"


@moved
async def test_answer_of_the_accounts_server_is_awaited_past_the_budget():
    source, transport = an_authority([numbered()], delay_s=5.0)
    assert await value(source, asyncio.get_running_loop().time()) == "token-1"
    assert len(transport.requests) == 1
