"""Helpers that write the table of a sync page by page, without a Cliq."""

from cliq_async.models.page import Page
from cliq_async.models.subscriber import Subscriber
from cliq_async.sync.state import BotState

NOW = "2026-01-01T00:00:00+00:00"
LATER = "2026-01-02T00:00:00+00:00"


def a_page(*ids, next_token=None, sync_token=None, name="somebody"):
    people = tuple(Subscriber(user_id=each, name=name) for each in ids)
    return Page(data=people, next_token=next_token, sync_token=sync_token)


def write(table, state, page, now=NOW):
    (after,) = table.run([lambda: table.write(state, page, now)])
    if isinstance(after, Exception):
        raise after
    return after


def full(bot="ops", version=0):
    return BotState(bot=bot, version=version).start("full", NOW)
