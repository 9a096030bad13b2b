"""The decorators: with and without options, mistakes at import, and the handlers to create."""

import functools
from typing import Any

import pytest
from support.webhook_bots import CLIQ

from cliq_async import NewHandler, SubAction, ValidationError
from cliq_async.webhooks import Event, FormEvent, MessageEvent, WebhookBot


@pytest.fixture
def bot():
    return WebhookBot(CLIQ.public_key)


async def echo(event: Any) -> str:
    return f"{event.type}"


async def nothing(_event: Event) -> None: ...


def test_decorator_returns_the_function_itself(bot):
    for decorate in (bot.message, bot.mention(permissions=[]), bot.welcome, bot.participation):
        assert decorate(echo) is echo
    assert bot.menu("A")(echo) is bot.context("b")(echo) is bot.button("c")(echo) is echo
    assert bot.form("d")(echo) is bot.incoming(echo) is echo
    assert bot.call(nothing) is nothing


async def test_each_event_comes_to_its_handler(bot):
    for decorate in (bot.message, bot.mention, bot.welcome, bot.participation, bot.incoming):
        decorate(echo)
    for name in "AB":
        bot.menu(name)(functools.partial(prefixed, name))
        bot.context(name)(functools.partial(prefixed, name))
        bot.button(name)(functools.partial(prefixed, name))
        bot.form(name)(functools.partial(prefixed, name))
    for event, text in (
        (CLIQ.say("x"), "message_handler"),
        (CLIQ.mention("x"), "mention_handler"),
        (CLIQ.subscribe(), "welcome_handler"),
        (CLIQ.participate("added"), "participation_handler"),
        (CLIQ.incoming("x"), "incoming_webhook_handler"),
        (CLIQ.choose("B"), "B menu_handler"),
        (CLIQ.answer("A", {}), "A context_handler"),
        (CLIQ.press("B"), "B button_handler"),
        (CLIQ.event("widget_button_handler", name="A"), "A widget_button_handler"),
        (CLIQ.submit("A", {}), "A form_submit_handler"),
    ):
        assert await event.to(bot) == {"output": {"text": text}}
    assert await CLIQ.choose("C").to(bot) == {"output": ""}


async def prefixed(name: str, event: Event) -> str:
    return f"{name} {event.type}"


async def test_form_that_is_filled_in_has_handlers_of_its_own(bot):
    @bot.form("book")
    async def submitted(_event: FormEvent) -> str:
        return "submitted"

    change = CLIQ.event("form_change_handler", name="book")
    assert await change.to(bot) == {"output": ""}

    @bot.form("book", action="change")
    async def changed(event: FormEvent) -> str:
        return event.action

    assert await CLIQ.event("form_change_handler", name="book").to(bot) == {
        "output": {"text": "change"}
    }
    assert await CLIQ.submit("book", {}).to(bot) == {"output": {"text": "submitted"}}


async def test_method_and_callable_object_are_handlers():
    class Handlers:
        async def message(self, event: MessageEvent) -> str:
            return event.text

        async def __call__(self, event: MessageEvent) -> str:
            return event.text.upper()

    first, second = WebhookBot(CLIQ.public_key), WebhookBot(CLIQ.public_key)
    first.message(Handlers().message)
    second.message(Handlers())
    assert await CLIQ.say("a").to(first) == {"output": {"text": "a"}}
    assert await CLIQ.say("a").to(second) == {"output": {"text": "A"}}
    assert "Handlers" in repr(second)


def test_second_handler_of_an_event_is_an_error(bot):
    registrations = [
        lambda: bot.message(echo),
        lambda: bot.mention(permissions=["user"])(echo),
        lambda: bot.call(nothing),
        lambda: bot.menu("A")(echo),
        lambda: bot.context("b")(echo),
        lambda: bot.button("c")(echo),
        lambda: bot.form("d")(echo),
        lambda: bot.form("d", action="view")(echo),
    ]
    for register in registrations:
        register()
        with pytest.raises(ValidationError, match=r"one handler; (echo|nothing) is registered"):
            register()
    with pytest.raises(ValidationError, match="menu_handler 'A'"):
        bot.menu("A")(echo)


def test_sixth_menu_is_an_error(bot):
    for number in range(5):
        bot.menu(f"Menu {number}")(echo)
    with pytest.raises(ValidationError, match="menu: at most 5 menus, got 'Menu 5'"):
        bot.menu("Menu 5")(echo)


@pytest.mark.parametrize("wrong", [lambda _event: "x", print, 5, "x", MessageEvent])
def test_handler_is_an_async_function(bot, wrong):
    for decorate in (bot.message, bot.message(), bot.menu("A"), bot.form("b"), bot.button("c")):
        with pytest.raises(ValidationError, match="an async function of one event"):
            decorate(wrong)
    assert bot.handlers() == ()


@pytest.mark.parametrize(
    "register",
    [
        lambda bot: bot.menu("")(echo),
        lambda bot: bot.menu("a name that is long")(echo),
        lambda bot: bot.menu("A", icon="red")(echo),
        lambda bot: bot.menu("A", sub_actions=["x"] * 6)(echo),
        lambda bot: bot.menu("A", permissions=["attachments"])(echo),
        lambda bot: bot.message(permissions=["everything"])(echo),
        lambda bot: bot.welcome(permissions=["chat"])(echo),
        lambda bot: bot.button("")(echo),
        lambda bot: bot.form("", action="view")(echo),
        lambda bot: bot.form("a", action="delete"),
        lambda bot: bot.context("")(echo),
    ],
)
def test_option_has_its_limit(bot, register):
    with pytest.raises(ValidationError):
        register(bot)


def test_handlers_are_those_that_the_decorators_need(bot):
    bot.message(echo)
    bot.welcome(permissions=[])(echo)
    bot.menu("A", icon="wand/627282", sub_actions=["x", SubAction("y")])(echo)
    bot.menu("B", permissions=["location", "user"])(echo)
    bot.context("a", permissions=["user"])(echo)
    bot.context("b", permissions=["chat", "user"])(echo)
    bot.button("c")(echo)
    bot.form("d")(echo)
    bot.call(nothing)
    assert bot.handlers() == (
        NewHandler("message_handler", permissions=["attachments", "chat", "message", "user"]),
        NewHandler("welcome_handler", permissions=[]),
        NewHandler(
            "menu_handler",
            permissions=["chat", "user"],
            name="A",
            icon="wand/627282",
            sub_actions=[SubAction("x"), SubAction("y")],
        ),
        NewHandler("menu_handler", permissions=["location", "user"], name="B"),
        NewHandler("context_handler", permissions=["user", "chat"]),
        NewHandler("call_handler", permissions=["user"]),
    )
