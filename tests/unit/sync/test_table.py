"""The file of a sync, after each page."""

import stat

import pytest
from support.subscriber_lists import listed, selected
from support.subscriber_tables import NOW, a_page, full, write

from cliq_async.sync.reader import read_subscribers
from cliq_async.sync.state import ConcurrentSyncError
from cliq_async.sync.table import FORMAT


def test_it_is_made_with_its_folder_for_its_owner_alone(path, table):
    write(table, full(), a_page("1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert selected(path, "PRAGMA journal_mode") == [("wal",)]
    assert selected(path, "PRAGMA application_id") == [(FORMAT.application_id,)]
    assert selected(path, "PRAGMA user_version") == [(1,)]


def test_no_two_kinds_of_files_have_the_same_application_id():
    from cliq_async.quota.stores.sqlite_file import FORMAT as OF_QUOTA

    assert OF_QUOTA.application_id != FORMAT.application_id


def test_a_page_and_where_it_leads_are_one_transaction(path, table):
    state = write(table, full(), a_page("1", "2", next_token="n", sync_token="s"))

    def broken():
        table.write(state, a_page("3"), NOW)
        raise MemoryError

    (error, other) = table.run([broken, lambda: 7])
    assert isinstance(error, MemoryError)
    assert other == 7, "it is made without the broken one"
    assert listed(path) == ["1", "2"]
    assert table.run([lambda: table.state("ops")]) == [state]
    assert (state.next_token, state.new_token, state.sync_token) == ("n", "s", None)


def test_a_page_of_an_outdated_state_is_not_written(path, table):
    before = full()
    after = write(table, before, a_page("1", next_token="n"))
    for state in (before, full(), full(version=7)):
        with pytest.raises(ConcurrentSyncError):
            write(table, state, a_page("9"))
    assert listed(path) == ["1"]
    write(table, after, a_page("2"))
    assert listed(path) == ["1", "2"]


def test_a_user_listed_twice_in_a_page_counts_once(table, path):
    state = write(table, full(), a_page("1", "1", "2"))
    assert (state.added, state.changed) == (2, 0)
    assert listed(path) == ["1", "2"]


def test_an_empty_page_is_a_page(table, path):
    state = write(table, full(), a_page(next_token="n"))
    state = write(table, state, a_page("1"))
    assert (state.pages, state.added) == (2, 1)


def test_tokens_that_are_empty_are_none(table):
    state = write(table, full(), a_page("1", next_token="", sync_token=""))
    assert (state.in_progress, state.sync_token, state.synced_at) == (False, None, NOW)


def test_data_stays_as_it_is(table, path):
    name = 'Ann "Lee"; DROP TABLE subscriber;\n\x00 ünïcode 𝄞'
    write(table, full("b'ot"), a_page("7", name=name))
    (found,) = read_subscribers(path, "b'ot")
    assert found.name == name
