"""The reader of a synced list: one snapshot, in bounded memory."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from support.subscriber_lists import a_synced_file, selected
from support.subscriber_tables import LATER, NOW, a_page, full, write

from cliq_async.errors import SyncError
from cliq_async.sync.reader import SubscriberReader, SyncedSubscriber, read_subscribers
from cliq_async.sync.table import SubscriberTable


async def test_subscribers_of_a_bot_are_the_present_ones(path):
    cliq = await a_synced_file(path)
    for bot in ("ops", "hr"):
        found = list(read_subscribers(path, bot))
        assert [each.user_id for each in found] == sorted(cliq.bots[bot])
        assert all(each.bot == bot and each.left is None for each in found)


async def test_subscribers_of_all_bots_come_once_each(path):
    cliq = await a_synced_file(path)
    found = [each.user_id for each in read_subscribers(path)]
    assert found == sorted(cliq.bots["ops"].keys() | cliq.bots["hr"].keys())
    assert "101" not in found


async def test_of_all_bots_the_latest_record_counts(path, table):
    write(table, full("a"), a_page("1", name="old"), NOW)
    write(table, full("b"), a_page("1", name="new"), LATER)
    write(table, full("c"), a_page("1", name="old"), NOW)
    (found,) = read_subscribers(path)
    assert (found.name, found.bot) == ("new", "b")


async def test_departed_subscribers_are_optional(path):
    await a_synced_file(path)
    found = list(read_subscribers(path, departed=True))
    assert len(found) == 11
    gone = {(each.bot, each.user_id) for each in found if each.left is not None}
    assert gone == {("ops", "100"), ("ops", "101"), ("hr", "101"), ("hr", "102")}
    assert {each.bot for each in read_subscribers(path, "hr", departed=True)} == {"hr"}


def test_a_subscriber_has_moments_in_utc(path, table):
    state = write(table, full(), a_page("1", "2"))
    write(table, state.start("full", LATER), a_page("1"), LATER)
    stay, gone = read_subscribers(path, "ops", departed=True)
    one, two = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert (stay.first_seen, stay.last_seen, stay.left) == (one, two, None)
    assert (gone.first_seen, gone.last_seen, gone.left) == (one, one, two)
    assert isinstance(stay, SyncedSubscriber)


def test_reading_is_a_snapshot_that_blocks_no_writer(path, table):
    state = write(table, full(), a_page(*(str(1000 + n) for n in range(10))))
    reading = read_subscribers(path, "ops")
    next(reading)
    write(table, state.start("full", LATER), a_page("1"), LATER)
    assert len(list(reading)) == 9
    assert [each.user_id for each in read_subscribers(path, "ops")] == ["1"]


async def test_an_unknown_bot_is_an_error_that_names_the_known_ones(path):
    await a_synced_file(path)
    with pytest.raises(
        SyncError, match=r"no subscribers of nobot; it has those of hr, ops. Name the bot"
    ):
        list(read_subscribers(path, "nobot"))


def test_half_a_list_is_not_taken_for_a_whole_one(path, table):
    write(table, full("whole"), a_page("1"))
    write(table, full("half"), a_page("2", next_token="n"))
    for bot in ("half", None):
        with pytest.raises(SyncError, match=r"only some of the subscribers of half.*sync it again"):
            list(read_subscribers(path, bot))
    assert [each.user_id for each in read_subscribers(path, "whole")] == ["1"]
    write(table, table.run([lambda: table.state("half")])[0], a_page("3"))
    assert len(list(read_subscribers(path))) == 3


def test_a_list_stays_whole_while_it_is_synced_again(path, table):
    state = write(table, full(), a_page("1", "2"))
    write(table, state.start("full", LATER), a_page("1", next_token="n"), LATER)
    assert len(list(read_subscribers(path, "ops"))) == 2


@pytest.fixture
def large(path):
    """Return a file with 40,000 subscribers of each of two bots."""
    table = SubscriberTable(path)
    for bot in ("a", "b"):
        write(table, full(bot), a_page("1"))
    row = "INSERT INTO subscriber VALUES (?, ?, 'Somebody', 's@example.com', ?, ?, NULL, 1)"
    rows = ((bot, str(10**7 + n), NOW, NOW) for bot in ("a", "b") for n in range(39_999))
    table.run([lambda: table.conn.executemany(row, rows)])
    table.close()
    return path


MEASURE = """
import sys, tracemalloc
from pathlib import Path
from cliq_async.sync.reader import SubscriberReader

path, bot = Path(sys.argv[1]), sys.argv[2] or None
with SubscriberReader(path) as reader:
    tracemalloc.start()
    assert reader.count(bot) == sum(1 for _ in reader.ids(bot)) == 40_000
    rows = reader.rows(bot, departed=False)
    assert sum(1 for _, _ in zip(rows, range(20_000), strict=False)) == 20_000
    print(tracemalloc.get_traced_memory()[1])
"""


@pytest.mark.parametrize("bot", ["a", None])
def test_memory_does_not_grow_with_the_list(large, bot):
    # In a process of its own: tracemalloc counts what every thread of a process allocates.
    command = [sys.executable, "-c", MEASURE, str(large), bot or ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 1 << 20


def test_sqlite_sorts_nothing_to_read_it(path, table):
    write(table, full(), a_page("1"))
    asked = []
    with SubscriberReader(path) as reader:
        reader._conn.set_trace_callback(asked.append)
        for bot in ("ops", None):
            list(reader.ids(bot))
            list(reader.rows(bot, departed=False))
            list(reader.rows(bot, departed=True))
            reader.count(bot)
    assert len(asked) == 8
    for query in asked:
        assert "TEMP" not in str(selected(path, f"EXPLAIN QUERY PLAN {query}"))
