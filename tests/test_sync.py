"""Subscribers kept in step: whoever is there is in the file, however often it was broken off."""

import asyncio
import json
import logging
import signal
from datetime import UTC, datetime, timedelta

import pytest
from subscribing import Cliq, listed, selected
from test_cli import SECRET, command, counting, zuids

from cliq_async.bulk import sync
from cliq_async.bulk.subscriber_table import SubscriberTable
from cliq_async.bulk.sync import sync_subscribers
from cliq_async.bulk.sync_report import BotSync, SyncProgress, SyncReport
from cliq_async.client import CliqClient
from cliq_async.errors import (
    AuthenticationError,
    AuthError,
    NotFoundError,
    PermissionDeniedError,
    QuotaStoreError,
    ServerError,
    SyncError,
    TransportError,
    ValidationError,
)
from cliq_async.quota.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.testing import NoAnswerError

OPS = "ops"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.db"


@pytest.fixture
def clock(monkeypatch):
    """Moments that are a minute apart."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    def reading():
        now[0] += timedelta(minutes=1)
        return now[0].isoformat(timespec="seconds")

    monkeypatch.setattr(sync, "_now", reading)
    return now


# What there is, and what has changed.


async def test_the_first_sync_reads_everybody(path):
    cliq = Cliq.of(25)
    assert await cliq.sync_one(path) == BotSync(OPS, "full", new=25, present=25, pages=3)
    assert listed(path) == sorted(cliq.bots[OPS])
    (row,) = selected(path, "SELECT name, email_id FROM subscriber WHERE user_id = '107'")
    assert row == ("name 7", "7@example.com")


async def test_a_later_sync_reads_only_who_is_new_or_changed(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.put(OPS, "7")
    cliq.put(OPS, "103", "other")
    before = len(cliq.transport.requests)
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "incremental", new=1, changed=1, present=26, pages=1)
    assert listed(path) == sorted(cliq.bots[OPS])
    assert selected(path, "SELECT name FROM subscriber WHERE user_id = '103'") == [("other",)]
    assert len(cliq.transport.requests) == before + 1
    assert await cliq.sync_one(path) == BotSync(OPS, "incremental", present=26, pages=1)


async def test_only_a_full_sync_finds_who_has_left(path, clock):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.drop(OPS, "103")
    assert await cliq.sync_one(path) == BotSync(OPS, "incremental", present=25, pages=1)
    found = await cliq.sync_one(path, full=True)
    assert found == BotSync(OPS, "full", left=1, present=24, pages=3)
    assert listed(path) == sorted(cliq.bots[OPS])
    assert listed(path, where='"left" IS NOT NULL') == ["103"]
    assert await cliq.sync_one(path, full=True) == BotSync(OPS, "full", present=24, pages=3)


@pytest.mark.parametrize("full", [False, True])
async def test_who_comes_back_is_there_again_since_the_first_time(path, clock, full):
    cliq = Cliq.of(5)
    await cliq.sync_one(path)
    query = "SELECT first_seen, last_seen, \"left\" FROM subscriber WHERE user_id = '103'"
    ((first, _, _),) = selected(path, query)
    cliq.drop(OPS, "103")
    await cliq.sync_one(path, full=True)
    ((_, last, left),) = selected(path, query)
    assert first == last < left
    cliq.put(OPS, "103", "name 3")
    found = await cliq.sync_one(path, full=full)
    assert (found.new, found.changed, found.left, found.present) == (1, 0, 0, 5)
    ((again, seen, gone),) = selected(path, query)
    assert (again, gone) == (first, None)
    assert seen > left


async def test_moments_are_texts_of_iso_8601_in_utc(path):
    before = datetime.now(UTC).replace(microsecond=0)
    await Cliq.of(1).sync_one(path)
    ((first, last),) = selected(path, "SELECT first_seen, last_seen FROM subscriber")
    for text in (first, last):
        assert before <= datetime.fromisoformat(text) <= datetime.now(UTC)
        assert text.endswith("+00:00")


async def test_a_clock_that_goes_back_takes_nobody_away(path, clock):
    cliq = Cliq.of(5)
    await cliq.sync_one(path)
    clock[0] -= timedelta(days=1)
    cliq.drop(OPS, "101")
    found = await cliq.sync_one(path, full=True)
    assert (found.left, found.present) == (1, 4)


async def test_without_a_sync_token_each_sync_is_a_full_one(path):
    cliq = Cliq.of(5)
    cliq.before = lambda _: {"data": [{"user_id": "1"}]}
    for new in (1, 0):
        assert await cliq.sync_one(path) == BotSync(OPS, "full", new=new, present=1, pages=1)


async def test_an_incremental_sync_without_a_new_sync_token_keeps_the_old_one(path):
    cliq = Cliq.of(5)
    await cliq.sync_one(path)
    cliq.before = lambda _: {"data": []}
    await cliq.sync_one(path)
    cliq.before = None
    assert (await cliq.sync_one(path)).kind == "incremental"


async def test_what_changes_while_pages_are_read_is_part_of_the_next_sync(path):
    cliq = Cliq.of(25)
    cliq.before = lambda _: cliq.put(OPS, "100", f"at {cliq.revision}")
    await cliq.sync_one(path)
    cliq.before = None
    found = await cliq.sync_one(path)
    assert found.changed == 1
    assert selected(path, "SELECT name FROM subscriber WHERE user_id = '100'") == [("at 2",)]


async def test_nobody_is_a_list_too(path):
    assert await Cliq.of(0).sync_one(path) == BotSync(OPS, "full", pages=1)
    assert listed(path) == []


# Several bots.


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
async def test_a_bot_that_fails_holds_up_no_other_and_is_in_the_report(
    path, monkeypatch, answer, error
):
    monkeypatch.setattr("cliq_async.caller.Caller._back_off", at_once)
    cliq = Cliq.of(25, "ops", "hr")
    await cliq.sync(path, ["ops", "hr"])
    cliq.before = lambda request: answer if "/hr/" in request.url else None
    report = await cliq.sync(path, ["hr", "ops"], full=True)
    assert {bot: type(each) for bot, each in report.errors.items()} == {"hr": error}
    assert report.bots[0] == BotSync("hr", "full", present=25)
    assert report.bots[1] == BotSync("ops", "full", present=25, pages=3)
    assert len(listed(path, "hr")) == 25


async def test_a_bot_without_an_answer_keeps_what_was_read_and_goes_on_from_there(
    path, monkeypatch
):
    monkeypatch.setattr("cliq_async.caller.Caller._back_off", at_once)
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


async def at_once(*_):
    return True


async def test_a_bot_that_never_was_leaves_nothing_in_the_file(path):
    await Cliq.of(5).sync(path, "nobot")
    assert selected(path, "SELECT * FROM bot") == []


class BrokenStore(MemoryStore):
    async def take(self, *_, **options):
        raise QuotaStoreError("the disk is full")


@pytest.mark.parametrize("broken", ["token", "refresh", "store"])
async def test_what_concerns_all_bots_stops_them_all(path, broken):
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


async def test_a_client_that_is_not_open_is_said_so(path):
    with pytest.raises(RuntimeError, match="not open"):
        await sync_subscribers(Cliq.of(1).client(), OPS, path)


@pytest.mark.parametrize(
    ("bots", "options", "field"),
    [
        ("a/b", {}, "bot"),
        ([OPS, ""], {}, "bot"),
        ([7], {}, "bot"),
        (7, {}, "bots"),
        (OPS, {"limit": 51}, "limit"),
        (OPS, {"limit": 0}, "limit"),
    ],
)
async def test_what_is_wrong_is_found_before_anything_is_done(path, bots, options, field):
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


# Broken off.


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("kind", ["full", "incremental"])
async def test_a_sync_that_is_cancelled_at_any_page_goes_on_with_that_page(path, kind, at):
    cliq = Cliq.of(25)
    if kind == "incremental":
        await cliq.sync_one(path)
        for number in range(25):
            cliq.put(OPS, str(500 + number))
    there = len(cliq.bots[OPS])
    await cancelled_at(cliq, path, at)
    sent = len(cliq.transport.requests)
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, kind, new=25, present=there, pages=3, resumed=at > 1)
    assert len(cliq.transport.requests) - sent == 4 - at
    assert listed(path) == sorted(cliq.bots[OPS])


async def cancelled_at(cliq, path, at, **options):
    """Begin a sync, and end it when a request has arrived and is not answered."""
    arrived, number = asyncio.Event(), 0

    async def stop(_):
        nonlocal number
        number += 1
        if number == at:
            arrived.set()
            await asyncio.get_running_loop().create_future()

    cliq.before = stop
    running = asyncio.create_task(cliq.sync(path, **options))
    await arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    cliq.before = None


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_page_that_was_fetched_and_not_written_is_fetched_again_and_changes_nothing(
    path, monkeypatch, at
):
    cliq = Cliq.of(25)
    write, left = SubscriberTable.write, [at]

    def failing(self, *args):
        written = write(self, *args)
        if not left[0]:
            raise MemoryError  # after the rows and before the end of the transaction
        left[0] -= 1
        return written

    monkeypatch.setattr(SubscriberTable, "write", failing)
    with pytest.raises(MemoryError):
        await cliq.sync(path)
    assert len(listed(path)) == 10 * at
    monkeypatch.undo()
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "full", new=25, present=25, pages=3, resumed=at > 0)
    assert len(cliq.transport.requests) == 4


async def test_a_page_that_comes_twice_changes_nothing(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    first = cliq.answers[0]
    last = {"data": first["data"]}
    twice = iter([first | {"next_token": "x"}, first | {"next_token": "y"}, last])
    cliq.before = lambda _: next(twice)
    other = path.with_name("other.db")
    assert await cliq.sync_one(other) == BotSync(OPS, "full", new=10, present=10, pages=3)
    assert listed(other) == listed(path)[:10]


async def test_a_full_sync_that_was_asked_for_takes_the_place_of_half_an_incremental_one(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    for number in range(25):
        cliq.put(OPS, str(500 + number))
    cliq.drop(OPS, "103")
    await cancelled_at(cliq, path, 2)
    found = await cliq.sync_one(path, full=True)
    assert found == BotSync(OPS, "full", new=15, left=1, present=49, pages=5)


async def test_who_left_is_found_by_a_full_sync_that_was_broken_off(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.drop(OPS, "103")
    await cancelled_at(cliq, path, 2, full=True)
    assert len(listed(path)) == 25  # before it has ended, nobody has left
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "full", left=1, present=24, pages=3, resumed=True)


async def test_a_killed_process_has_read_what_it_has_read(path):
    args = ("subscribers", "sync", "supportbot", "--into", str(path), "--json")
    arrived = asyncio.Event()
    async with Sandbox(subscribers=2000, clock=counting(20, arrived)) as sandbox:
        options = (*args, "--base-url", sandbox.url, "--token", SECRET)
        async with command(*options) as process:
            await arrived.wait()
            process.send_signal(signal.SIGKILL)
            await process.wait()
        half = len(listed(path, "supportbot"))
        async with command(*options) as process:
            out, err = await process.communicate()
        report = sandbox.report()
    assert err == b""
    assert 900 <= half < 2000
    (found,) = json.loads(out)
    assert found["resumed"]
    assert (found["new"], found["present"], found["pages"]) == (2000, 2000, 40)
    assert listed(path, "supportbot") == sorted(zuids(2000))
    assert report["requests"]["list_subscribers"] <= 41
    assert report["lockouts"] == []


# Tokens that Cliq does not take.


async def test_an_expired_sync_token_makes_it_a_full_sync_that_says_so(path, caplog):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.drop(OPS, "103")
    cliq.good.clear()
    with caplog.at_level(logging.WARNING, "cliq_async"):
        found = await cliq.sync_one(path)
    note = "Cliq did not take its sync token: too old"
    assert found == BotSync(OPS, "full", left=1, present=24, pages=3, note=note)
    assert caplog.messages == [f"ops: {note}; making a new full sync"]
    assert (await cliq.sync_one(path)).kind == "incremental"


async def test_a_sync_token_of_another_sandbox_is_an_expired_one(path):
    for number in (60, 50):
        async with Sandbox(subscribers=number) as sandbox:
            if number == 60:
                sandbox.unsubscribe("supportbot", zuids(1)[0])
            async with CliqClient("t", base_url=sandbox.url, quota=MemoryStore()) as client:
                report = await sync_subscribers(client, "supportbot", path)
    assert report.errors == {}
    found = report.bots[0]
    assert (found.kind, found.new, found.left, found.present) == ("full", 1, 10, 50)
    assert "sync token" in found.note


@pytest.mark.parametrize("kind", ["full", "incremental"])
async def test_a_place_that_cliq_does_not_know_any_more_begins_the_sync_anew(path, caplog, kind):
    cliq = Cliq.of(25)
    if kind == "incremental":
        await cliq.sync_one(path)
        for number in range(25):
            cliq.put(OPS, str(500 + number))
    there = len(cliq.bots[OPS])
    await cancelled_at(cliq, path, 3)
    refused = []

    def once(request):
        if "next_token" in request.query and not refused:
            refused.append(request)
            return 400, {"message": "what next token?"}
        return None

    cliq.before = once
    found = await cliq.sync_one(path)
    assert (found.kind, found.new, found.present, found.pages) == (kind, 5, there, 3)
    assert found.note == "Cliq did not take the place where it was broken off: what next token?"
    assert listed(path) == sorted(cliq.bots[OPS])
    assert "making a new" in caplog.text


async def test_a_place_and_then_a_sync_token_that_are_refused_end_in_a_full_sync(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    for number in range(25):
        cliq.put(OPS, str(500 + number))
    await cancelled_at(cliq, path, 2)
    cliq.good.clear()
    cliq.before = lambda request: (
        (400, {"message": "no"}) if request.query.get("next_token") == "10:0" else None
    )
    found = await cliq.sync_one(path)
    assert (found.kind, found.present) == ("full", 50)
    assert "sync token" in found.note


async def test_a_cliq_that_forgets_every_place_is_an_error_and_not_an_endless_loop(path):
    cliq = Cliq.of(25)
    cliq.forgets = True
    report = await cliq.sync(path)
    assert report.errors[OPS].message == "what next token?"
    assert len(cliq.transport.requests) == 4
    cliq.forgets = False
    assert (await cliq.sync_one(path)).present == 25


async def test_a_first_page_that_is_refused_is_an_error(path):
    cliq = Cliq.of(25)
    cliq.before = lambda _: (400, {"message": "no"})
    report = await cliq.sync(path)
    assert report.bots == (BotSync(OPS, "full"),)
    assert len(cliq.transport.requests) == 1


async def test_a_listing_that_goes_round_in_a_circle_is_an_error(path):
    cliq = Cliq.of(25)
    cliq.before = lambda _: {"data": [], "next_token": "again"}
    report = await cliq.sync(path)
    assert "circle" in str(report.errors[OPS])
    assert len(cliq.transport.requests) == 2


# Two at once.


async def test_a_bot_that_somebody_syncs_is_refused_to_others_and_free_afterwards(path):
    cliq = Cliq.of(25, "ops", "hr")
    arrived, on = asyncio.Event(), asyncio.Event()

    async def wait(request):
        if "/ops/" in request.url:
            arrived.set()
            await on.wait()

    cliq.before = wait
    running = asyncio.create_task(cliq.sync(path))
    await arrived.wait()
    report = await cliq.sync(path, ["ops", "hr"])
    assert list(report.errors) == ["ops"]
    assert isinstance(report.errors["ops"], SyncError)
    assert f"{path}: ops is being synced by somebody else" in str(report.errors["ops"])
    assert report.bots[1] == BotSync("hr", "full", new=25, present=25, pages=3)
    on.set()
    assert (await running).bots == (BotSync("ops", "full", new=25, present=25, pages=3),)
    assert (await cliq.sync_one(path)).kind == "incremental"
    assert sorted(each.name for each in path.parent.iterdir()) == ["people.db"]


async def test_a_living_process_keeps_a_bot_and_a_dead_one_does_not(path):
    args = ("subscribers", "sync", "supportbot", "--into", str(path))
    arrived = asyncio.Event()
    async with Sandbox(faults=["lost:1"], clock=counting(1, arrived)) as sandbox:
        options = ("--base-url", sandbox.url, "--token", SECRET)
        async with command(*args, *options) as process:
            await arrived.wait()
            second = await Cliq.of(5, "supportbot").sync(path, "supportbot")
            process.kill()
            await process.wait()
    assert isinstance(second.errors["supportbot"], SyncError)
    found = await Cliq.of(5, "supportbot").sync_one(path, "supportbot")
    assert (found.new, found.resumed) == (5, False)


async def test_without_the_lock_one_of_two_goes_on_and_nothing_is_lost(path, monkeypatch):
    class Open:
        def __init__(self, *_):
            pass

        def __enter__(self):
            return True

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(SubscriberTable, "claimed", Open)
    cliq = Cliq.of(95)
    one, two = await asyncio.gather(cliq.sync(path), cliq.sync(path))
    failed = one if one.errors else two
    (whole,) = (two if failed is one else one).bots
    assert isinstance(failed.errors[OPS], SyncError)
    assert whole == BotSync(OPS, "full", new=95, present=95, pages=10, resumed=whole.resumed)
    assert listed(path) == sorted(cliq.bots[OPS])


# The way there.


async def test_progress_is_told_after_each_page_and_at_the_end_of_each_bot(path):
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
    assert caplog.messages == ["on_progress failed; it is not called again"]


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
