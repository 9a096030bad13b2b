"""Snapshots: the state in the format of the state file."""

from typing import Any, Final, Literal

import attrs

from cliq_async.sandbox.state.bots import Bot, BotRecord, Bots, make_subscribers
from cliq_async.sandbox.state.calls import CallRecord, Calls
from cliq_async.sandbox.state.channels import Channel, Channels
from cliq_async.sandbox.state.functions import (
    Function,
    FunctionHandler,
    FunctionRecord,
    Functions,
)
from cliq_async.sandbox.state.handlers import Handler, Handlers
from cliq_async.sandbox.state.ids import Ids
from cliq_async.sandbox.state.key_pair import KeyPair
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
    """A bot, with its subscribers' ZUIDs."""

    record: BotRecord
    owner: str | None
    handlers: list[Handler]
    subscribers: list[str]
    revisions: Revisions


@attrs.frozen(kw_only=True)
class SavedMessage:
    """A message, with the number of the message that its thread starts at."""

    number: int
    bot: str
    user: str
    to: Target
    channel: str | None
    chat_id: str
    thread: int | None
    body: dict[str, Any]


@attrs.frozen(kw_only=True)
class SavedFunction:
    """A function, with its handlers."""

    record: FunctionRecord
    handlers: list[FunctionHandler]


@attrs.frozen(kw_only=True)
class SavedFunctions:
    """The functions of a user."""

    user: str
    functions: list[SavedFunction]
    revisions: Revisions


@attrs.frozen(kw_only=True)
class Snapshot:
    """The content of a state file: `State` without its counters."""

    format: Literal["cliq-sandbox"] = FORMAT
    version: Literal[1] = VERSION
    private_key: str | None = None
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
    functions: list[SavedFunctions] = attrs.field(factory=list)


def take_snapshot(state: State) -> Snapshot:
    """Return a snapshot of a state."""
    messages = state.messages.all()
    threads = {each.thread.root: each.thread for each in messages if each.thread is not None}
    return Snapshot(
        private_key=state.keys.private_key,
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
        functions=[
            SavedFunctions(
                user=user,
                functions=[
                    SavedFunction(record=each.record, handlers=each.handlers)
                    for each in owned.all()
                ],
                revisions=owned.records.revisions(),
            )
            for user, owned in state.functions.all().items()
        ],
    )


def restore_snapshot(snapshot: Snapshot, *, seed: int = 0) -> State:
    """Create a state from a snapshot.

    Raises:
        KeyError, ValueError: The parts of the snapshot are inconsistent.
    """
    people, channels = People(snapshot.people), Channels(snapshot.channels)
    threads = {thread.root: thread for thread in snapshot.threads}
    bots = Bots(
        [_restore_bot(each, people) for each in snapshot.bots], used_names=snapshot.unique_names
    )
    bots.records.restore(snapshot.revisions)
    return State(
        keys=KeyPair(snapshot.private_key),
        people=people,
        bots=bots,
        channels=channels,
        messages=Messages(
            channels.chat_ids(),
            [_restore_message(each, threads) for each in snapshot.messages],
            next_number=snapshot.next_message,
        ),
        calls=Calls(snapshot.calls, count=snapshot.call_count, seed=seed),
        ids=Ids(snapshot.next_id),
        functions=_restore_functions(snapshot.functions),
    )


def _restore_bot(saved: SavedBot, people: People) -> Bot:
    subscribers = make_subscribers(saved.record["id"], map(people.get, saved.subscribers))
    subscribers.restore(saved.revisions)
    return Bot(saved.record, saved.owner, subscribers, Handlers(saved.handlers))


def _restore_functions(saved: list[SavedFunctions]) -> Functions:
    functions = Functions()
    for each in saved:
        own = [Function(function.record, function.handlers) for function in each.functions]
        functions.restore(each.user, own, each.revisions)
    return functions


def _restore_message(saved: SavedMessage, threads: dict[int, Thread]) -> Message:
    return Message(
        number=saved.number,
        bot=saved.bot,
        user=saved.user,
        to=saved.to,
        channel=saved.channel,
        chat_id=saved.chat_id,
        thread=None if saved.thread is None else threads[saved.thread],
        body=saved.body,
    )
