"""What type checkers say of a webhook bot. Checked by mypy and pyright, never run."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, assert_type

from cliq_async import CliqClient, Message, NewHandler
from cliq_async.testing import FakeCliq, FakeEvent
from cliq_async.webhooks import (
    Answer,
    AnswerLostDetails,
    Attachment,
    Banner,
    ButtonEvent,
    CallEvent,
    ContextEvent,
    Edit,
    Event,
    EventChat,
    EventFailedDetails,
    EventUser,
    Form,
    FormEvent,
    HttpAnswer,
    IncomingEvent,
    Location,
    Member,
    Mention,
    MentionEvent,
    MenuEvent,
    MessageEvent,
    ParticipationEvent,
    Question,
    RecentMessage,
    RepliedMessage,
    Reply,
    Suggestion,
    WebhookBot,
    WebhookHooks,
    WelcomeEvent,
)


def lost(details: AnswerLostDetails) -> None:
    assert_type(details.reason, str)


def failed(details: EventFailedDetails) -> None:
    assert_type(details.event, Event)


hooks = WebhookHooks(on_answer_lost=lost, on_event_failed=failed)
bot = WebhookBot(["key"], client=CliqClient("t"), hooks=hooks)


@bot.message
async def message(event: MessageEvent) -> Message | Reply | str | None:
    assert_type(event.text, str)
    assert_type(event.user, EventUser)
    assert_type(event.chat, EventChat)
    assert_type(event.chat.members, tuple[Member, ...])
    assert_type(event.chat.recent_messages, tuple[RecentMessage, ...])
    assert_type(event.mentions, tuple[Mention, ...])
    assert_type(event.attachments, tuple[Attachment, ...])
    assert_type(event.location, Location)
    assert_type(event.replied_to, RepliedMessage)
    assert_type(event.user.first_name, str)
    await event.reply("x")
    return Reply("Let us see.", ask=[Question("kind", "Paid?", ["yes"])], context="leave")


@bot.mention(permissions=["message", "user"])
async def mention(event: MentionEvent) -> str:
    return event.text


async def welcome(event: WelcomeEvent) -> Answer:
    return Reply("Hello", suggestions=[Suggestion("Help")]) if event.new_user else None


WebhookBot("key").welcome(welcome)


@bot.welcome
async def any_event(event: Event) -> None:
    assert_type(event.user.email, str)


@bot.context("leave")
async def context(event: ContextEvent) -> str:
    return event.answers["from"]


@bot.menu("Raise ticket", icon="wand/627282", sub_actions=["Urgent"])
async def menu(event: MenuEvent) -> Banner | Form:
    return Banner(event.sub_action, status="failure")


@bot.participation
async def participation(event: ParticipationEvent) -> str | None:
    return event.operation or None


@bot.incoming
async def incoming(event: IncomingEvent) -> None:
    assert_type(event.json(), Any)


@bot.call
async def call(event: CallEvent) -> None:
    assert_type(event.call_id, str)


@bot.button("approve")
async def button(event: ButtonEvent) -> Edit:
    return Edit(event.key)


@bot.form("book", action="change")
async def form(event: FormEvent) -> str:
    return event.value("from")


class Handlers:
    async def message(self, event: MessageEvent) -> str:
        return event.text


async def called() -> None:
    assert_type(await message(MessageEvent(text="x")), Message | Reply | str | None)
    assert_type(await mention(MentionEvent(text="x")), str)
    assert_type(await menu(MenuEvent()), Banner | Form)
    assert_type(await WebhookBot(None).message(Handlers().message)(MessageEvent()), str)
    assert_type(bot.handlers(), tuple[NewHandler, ...])
    body, signature = FakeCliq().say("x", user="1")
    assert_type(FakeCliq().press("approve", key="7"), FakeEvent)
    assert_type(body, bytes)
    assert_type(signature, str)

    async def is_gone() -> bool:
        return False

    answer = await bot.receive(body, signature, is_gone=is_gone)
    assert_type(answer, HttpAnswer)
    assert_type(answer.status, int)
    assert_type(answer.headers, dict[str, str])
    assert_type(await FakeCliq().choose("Raise ticket").to(bot), dict[str, Any])
    async with bot as opened:
        assert_type(opened, WebhookBot)


Message_ = MutableMapping[str, Any]
ASGIApp = Callable[
    [Message_, Callable[[], Awaitable[Message_]], Callable[[Message_], Awaitable[None]]],
    Awaitable[None],
]
app: ASGIApp = bot
