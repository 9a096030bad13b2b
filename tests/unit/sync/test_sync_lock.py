"""Two concurrent syncs of one bot: only one runs, and nothing is lost."""

import asyncio

from support.cli import SECRET, command, counting
from support.subscriber_lists import OPS, Cliq, listed

from cliq_async.errors import SyncError
from cliq_async.sandbox import Sandbox
from cliq_async.sync.report import BotSync
from cliq_async.sync.table import SubscriberTable


async def test_a_bot_in_sync_is_refused_to_others_and_free_afterwards(path):
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
    assert f"{path}: another program is syncing ops" in str(report.errors["ops"])
    assert report.bots[1] == BotSync("hr", "full", new=25, present=25, pages=3)
    on.set()
    assert (await running).bots == (BotSync("ops", "full", new=25, present=25, pages=3),)
    assert (await cliq.sync_one(path)).kind == "incremental"
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name]


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

    monkeypatch.setattr(SubscriberTable, "lock", Open)
    cliq = Cliq.of(95)
    one, two = await asyncio.gather(cliq.sync(path), cliq.sync(path))
    failed = one if one.errors else two
    (whole,) = (two if failed is one else one).bots
    assert isinstance(failed.errors[OPS], SyncError)
    assert whole == BotSync(OPS, "full", new=95, present=95, pages=10, resumed=whole.resumed)
    assert listed(path) == sorted(cliq.bots[OPS])
