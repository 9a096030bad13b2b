"""Real processes on one SQLite store: together, killed, forked, and ended without closing it."""

import os

import pytest
from support.store_processes import output, process
from support.stores import a_quota, snapshot

from cliq_async.quota.stores.sqlite import SqliteStore


async def test_processes_together_take_no_more_than_there_is(path):
    started = [process("print(asyncio.run(takes(0, 40)))", path) for _ in range(4)]
    counts = [int(output(each)) for each in started]
    assert sum(counts) == 50


async def test_what_was_pending_is_written_when_a_program_ends_without_closing(path):
    code = """
        async def main():
            for number in range(30):
                await take(number)
            for number in range(30):
                sent = number % 2 == 0
                store.end(quota, number, TokenOutcome.ANSWERED if sent else TokenOutcome.NEVER_SENT)
        asyncio.run(main())
    """
    output(process(code, path))
    store = SqliteStore(path)
    found = await snapshot(store, a_quota(50))
    assert (len(found.leases), len(found.returns)) == (0, 15)
    await store.close()


async def test_killed_process_keeps_its_tokens_until_their_leases_end(path):
    code = """
        async def main():
            await takes(0, 30)
            print("taken", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    killed = process(code, path)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "taken\n"
    killed.kill()
    killed.communicate()
    store = SqliteStore(path)
    found = await snapshot(store, a_quota(50))
    assert found.free == 20
    assert all(120 < end - store.clock() < 131 for end in found.leases)
    await store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
async def test_children_forked_after_opening_have_files_and_numbers_of_their_own(path):
    code = """
        asyncio.run(takes(0, 5))
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                taken = asyncio.run(takes(0, 10))
                asyncio.run(store.close())
                os._exit(taken)
            children.append(child)
        mine = asyncio.run(takes(100, 5))
        print(mine, *(os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children))
    """
    assert output(process(code, path)) == "5 10 10 10"
    store = SqliteStore(path)
    assert (await snapshot(store, a_quota(50))).free == 10
    await store.close()
