"""A sync of several bots: a failing one does not stop the others, and all share the quota."""

import asyncio

import pytest
from support.subscriber_lists import OPS, Cliq, listed, selected

from cliq_async.client import CliqClient
from cliq_async.errors import (
    AuthenticationError,
    AuthError,
    NotFoundError,
    PermissionDeniedError,
    QuotaStoreError,
    ServerError,
    TransportError,
    ValidationError,
)
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.sync.report import BotSync, SyncProgress, SyncReport
from cliq_async.sync.sync import sync_subscribers
from cliq_async.testing import NoAnswerError


async def test_bots_are_synced_at_once_and_do_not_mix(path):
    cliq = Cliq.of(25, "ops", "hr")
    cliq.put("hr", "7")
    waiting, both = set(), asyncio.Event()

    async def meet(request):
        waiting.add(request.path["bot_id_or_unique_name"])
        if len(waiting) == 2:
            both.set()
        await both.wait()

    cliq.before = meet
    report = await cliq.sync(path, ["ops", "hr", "ops"])
    assert report == SyncReport(
        (
            BotSync("ops", "full", new=25, present=25, pages=3),
            BotSync("hr", "full", new=26, present=26, pages=3),
        )
    )
    cliq.drop("hr", "103")
    cliq.before = None
    await cliq.sync(path, iter(["ops", "hr"]), full=True)
    assert (len(listed(path, "ops")), len(listed(path, "hr"))) == (25, 25)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((404, {"code": "bot_not_found"}), NotFoundError),
        ((403, {"code": "access_denied"}), PermissionDeniedError),
        ((500, {"code": "internal", "message": "oops"}), ServerError),
    ],
)
async def test_a_failing_bot_is_reported_and_does_not_stop_the_others(
    path, monkeypatch, answer, error
):
    monkeypatch.setattr("cliq_async.transport.pending_call.PendingCall._plan_pause", at_once)
    cliq = Cliq.of(25, "ops", "hr")
    await cliq.sync(path, ["ops", "hr"])
    cliq.before = lambda request: answer if "/hr/" in request.url else None
    report = await cliq.sync(path, ["hr", "ops"], full=True)
    assert {bot: type(each) for bot, each in report.errors.items()} == {"hr": error}
    assert report.bots[0] == BotSync("hr", "full", present=25)
    assert report.bots[1] == BotSync("ops", "full", present=25, pages=3)
    assert len(listed(path, "hr")) == 25


async def test_a_bot_without_a_response_keeps_its_pages_and_resumes(path, monkeypatch):
    monkeypatch.setattr("cliq_async.transport.pending_call.PendingCall._plan_pause", at_once)
    cliq = Cliq.of(25)

    def gone(request):
        if "next_token" in request.query:
            raise NoAnswerError("gone")

    cliq.before = gone
    report = await cliq.sync(path)
    assert isinstance(report.errors[OPS], TransportError)
    assert (report.bots[0].pages, report.bots[0].present) == (1, 10)
    cliq.before = None
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "full", new=25, present=25, pages=3, resumed=True)


def at_once(*_):
    return True


async def test_a_bot_that_never_was_leaves_nothing_in_the_file(path):
    await Cliq.of(5).sync(path, "nobot")
    assert selected(path, "SELECT * FROM bot") == []


class BrokenStore(MemoryStore):
    async def take(self, *_, **options):
        raise QuotaStoreError("the disk is full")


@pytest.mark.parametrize("broken", ["token", "refresh", "store"])
async def test_an_error_that_concerns_all_bots_stops_them_all(path, broken):
    cliq = Cliq.of(25, "ops", "hr")
    await cliq.sync(path, ["ops", "hr"])

    async def no_token():
        raise OSError("no vault")

    if broken == "token":
        cliq.before = lambda _: (401, {"code": "oauthtoken_invalid"})
    error = {"token": AuthenticationError, "refresh": AuthError, "store": QuotaStoreError}[broken]
    client = CliqClient(
        no_token if broken == "refresh" else "token",
        transport=cliq.transport,
        quota=BrokenStore() if broken == "store" else MemoryStore(),
    )
    async with client:
        with pytest.raises(error):
            await sync_subscribers(client, ["ops", "hr"], path)


async def test_a_closed_client_is_refused(path):
    with pytest.raises(RuntimeError, match="not open"):
        await sync_subscribers(Cliq.of(1).client(), OPS, path)


@pytest.mark.parametrize(
    ("bots", "options", "field"),
    [
        ("a/b", {}, "bot"),
        ([OPS, ""], {}, "bot"),
        ([7], {}, "bot"),
        (7, {}, "bots"),
        (OPS, {"limit": 0}, "limit"),
    ],
)
async def test_invalid_arguments_are_refused_before_anything_is_done(path, bots, options, field):
    cliq = Cliq.of(1)
    with pytest.raises(ValidationError) as caught:
        await cliq.sync(path, bots, **options)
    assert caught.value.field == field
    assert not path.exists()
    assert cliq.transport.requests == []


async def test_no_bots_are_an_empty_report(path):
    assert await Cliq.of(1).sync(path, []) == SyncReport()


async def test_the_extension_key_and_the_size_of_a_page_are_sent_with_each_request(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path, extension_key="key", limit=20)
    assert [each.query["extension_key"] for each in cliq.transport.requests] == ["key", "key"]
    assert [each.query["limit"] for each in cliq.transport.requests] == ["20", "20"]


async def test_progress_is_reported_after_each_page_and_each_bot(path):
    told = []
    await Cliq.of(15).sync(path, ["ops", "nobot"], on_progress=told.append)
    assert told[-1] == SyncProgress(bots=2, done=2, pages=2, subscribers=15)
    pages = sorted({(each.pages, each.subscribers) for each in told})
    assert pages[-2:] == [(1, 10), (2, 15)]


async def test_progress_that_fails_is_logged_once_and_breaks_nothing(path, caplog):
    def fail(_):
        raise LookupError("my bug")

    found = await Cliq.of(25).sync_one(path, on_progress=fail)
    assert found.present == 25
    told = [each.getMessage() for each in caplog.records if each.name == "cliq_async"]
    assert told == ["on_progress failed; it is not called again"]


async def test_three_bots_never_put_more_than_the_threshold_into_a_window(path):
    # 150 pages, of which the quota allows 100 a minute; here a minute takes half a second.
    async with Sandbox(bots=3, subscribers=2500, time_scale=120, limits=None) as sandbox:
        client = CliqClient("t", base_url=sandbox.url, quota=MemoryStore(), time_scale=120)
        async with client:
            bots = [bot.unique_name async for bot in client.bots.iter()]
            report = await sync_subscribers(client, bots, path)
        arrived = sandbox.report()
    assert report.errors == {}
    assert [each.present for each in report.bots] == [2500] * 3
    assert arrived["requests"]["list_subscribers"] == 150
    assert arrived["lockouts"] == []
