"""The state in the form that is written to a file, and back."""

from typing import Any, Final, Literal

import attrs

from cliq_async.sandbox.state.bots import Bot, BotRecord, Bots, make_subscribers
from cliq_async.sandbox.state.calls import CallRecord, Calls
from cliq_async.sandbox.state.channels import Channel, Channels
from cliq_async.sandbox.state.handlers import Handler, Handlers
from cliq_async.sandbox.state.ids import Ids
from cliq_async.sandbox.state.messages import Message, Messages, Thread
from cliq_async.sandbox.state.pagination import Revisions
from cliq_async.sandbox.state.people import People, Person
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation import Target

__all__ = ["FORMAT", "VERSION", "Snapshot", "restore_snapshot", "take_snapshot"]

FORMAT: Final = "cliq-sandbox"
VERSION: Final = 1


@attrs.frozen(kw_only=True)
class SavedBot:
    """A bot; its subscribers by ZUID."""

    record: BotRecord
    owner: str | None
    handlers: list[Handler]
    subscribers: list[str]
    revisions: Revisions


@attrs.frozen(kw_only=True)
class SavedMessage:
    """A message; its thread by the number of the message that it was made from."""

    number: int
    bot: str
    user: str
    to: Target
    channel: str | None
    chat_id: str
    thread: int | None
    body: dict[str, Any]


@attrs.frozen(kw_only=True)
class Snapshot:
    """All that a file holds: `State` without its counts."""

    format: Literal["cliq-sandbox"] = FORMAT
    version: Literal[1] = VERSION
    people: list[Person]
    bots: list[SavedBot]
    revisions: Revisions
    unique_names: list[str]
    next_id: int
    channels: list[Channel]
    threads: list[Thread]
    messages: list[SavedMessage]
    next_message: int
    calls: list[CallRecord]
    call_count: int


def take_snapshot(state: State) -> Snapshot:
    """A state as it is written."""
    messages = state.messages.all()
    threads = {each.thread.root: each.thread for each in messages if each.thread is not None}
    return Snapshot(
        people=state.people.all(),
        bots=[
            SavedBot(
                record=bot.record,
                owner=bot.owner,
                handlers=bot.handlers.all(),
                subscribers=list(bot.subscribers.keys()),
                revisions=bot.subscribers.revisions(),
            )
            for bot in state.bots.all()
        ],
        revisions=state.bots.records.revisions(),
        unique_names=state.bots.used_names(),
        next_id=state.ids.next,
        channels=state.channels.all(),
        threads=list(threads.values()),
        messages=[
            SavedMessage(
                number=each.number,
                bot=each.bot,
                user=each.user,
                to=each.to,
                channel=each.channel,
                chat_id=each.chat_id,
                thread=None if each.thread is None else each.thread.root,
                body=each.body,
            )
            for each in messages
        ],
        next_message=state.messages.next_number,
        calls=state.calls.all(),
        call_count=state.calls.count,
    )


def restore_snapshot(written: Snapshot, *, seed: int = 0) -> State:
    """The state that was written.

    Raises:
        KeyError, ValueError: Its parts do not belong together.
    """
    people, channels = People(written.people), Channels(written.channels)
    threads = {thread.root: thread for thread in written.threads}
    bots = Bots([_bot(each, people) for each in written.bots], used_names=written.unique_names)
    bots.records.restore(written.revisions)
    return State(
        people=people,
        bots=bots,
        channels=channels,
        messages=Messages(
            channels.chat_ids(),
            [_message(each, threads) for each in written.messages],
            next_number=written.next_message,
        ),
        calls=Calls(written.calls, count=written.call_count, seed=seed),
        ids=Ids(written.next_id),
    )


def _bot(written: SavedBot, people: People) -> Bot:
    subscribers = make_subscribers(written.record["id"], map(people.get, written.subscribers))
    subscribers.restore(written.revisions)
    return Bot(written.record, written.owner, subscribers, Handlers(written.handlers))


def _message(written: SavedMessage, threads: dict[int, Thread]) -> Message:
    return Message(
        number=written.number,
        bot=written.bot,
        user=written.user,
        to=written.to,
        channel=written.channel,
        chat_id=written.chat_id,
        thread=None if written.thread is None else threads[written.thread],
        body=written.body,
    )
