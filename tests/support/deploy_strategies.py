"""Bots in Cliq and descriptions of bots, of any valid shape, and a model of what steps do."""

import attrs
from hypothesis import strategies as st

from cliq_async.deploy.actual import ActualBot
from cliq_async.deploy.desired import DesiredBot
from cliq_async.deploy.plan import (
    CreateBot,
    CreateHandler,
    DeleteHandler,
    UpdateBot,
    UpdateHandler,
)
from cliq_async.models.bot import Bot, BotHandler
from cliq_async.models.handler import HANDLER_TYPES, PERMISSIONS, Handler, NewHandler, SubAction

TYPES = [each for each in HANDLER_TYPES if each != "menu_handler"]
CHARS = st.characters(codec="utf-8")
NAMES = st.text(CHARS, min_size=1, max_size=15)
ICONS = st.sampled_from(["wand/627282", "bell/FFF", "bell/fff"])
SUB_ACTIONS = st.lists(
    st.builds(SubAction, NAMES, icon=st.just("") | ICONS), min_size=1, max_size=5
).map(tuple)


def subset(values):
    """Some of the values, in any order."""
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values)).map(tuple)


FIELDS = {
    "description": st.text(CHARS, min_size=1, max_size=300),
    "scope": st.sampled_from(["organization", "personal"]),
    "status_messages": st.lists(st.text(CHARS, min_size=1, max_size=50), max_size=10).map(tuple),
    "channel_participation": subset(["listen_message", "send_message", "auto_follow_thread"]),
    "calls": st.sampled_from(["enabled", "disabled"]),
}
TEAM = st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(tuple)
URLS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=20).map(
    "https://example.com/{}".format
)
SCRIPTS = st.text(CHARS, min_size=1, max_size=200)


@st.composite
def fields(draw, *, all_of=False, webhook=False):
    """Fields of a bot besides its name: all that a bot can have, or some."""
    strategies = dict(FIELDS)
    if webhook:
        strategies["execution_url"] = URLS
    names = strategies if all_of else [name for name in strategies if draw(st.booleans())]
    found = {name: draw(strategies[name]) for name in names}
    if draw(st.booleans()):
        found |= {"scope": "team", "team_ids": draw(TEAM)}
    return found


@st.composite
def new_handlers(draw, *, webhook, complete=False):
    """Handlers of a bot; with `complete`, menus have all their fields or lack them in Cliq, too."""

    def logic(handler_type):
        if webhook:
            return {"permissions": draw(subset(PERMISSIONS[handler_type]))}
        return {"script": draw(SCRIPTS)}

    found = [NewHandler(each, **logic(each)) for each in draw(subset(TYPES))]
    for name in draw(st.lists(NAMES, unique=True, max_size=5)):
        display = {
            "icon": draw(st.none() | ICONS),
            "sub_actions": draw(st.none() | SUB_ACTIONS),
        }
        found.append(NewHandler("menu_handler", name=name, **display, **logic("menu_handler")))
    return tuple(found)


@st.composite
def desired_bots(draw, webhook):
    described = {"name": draw(st.text(CHARS, min_size=1, max_size=20))}
    described |= draw(fields(webhook=webhook))
    if webhook:
        described.setdefault("execution_url", "https://example.com/")
    described.setdefault("description", "x")
    return DesiredBot(
        key="bot",
        execution_type="webhook" if webhook else "deluge",
        fields=described,
        handlers=draw(new_handlers(webhook=webhook)),
    )


@st.composite
def actual_bots(draw, webhook):
    """A bot with its handlers read, which may have the same names as wanted ones."""
    values = draw(fields(all_of=True, webhook=webhook))
    kind = "webhook" if webhook else "deluge"
    bot = Bot(id="1", unique_name="bot", name=draw(NAMES), execution_type=kind, **values)
    handlers = draw(new_handlers(webhook=webhook))
    return make_actual(bot, handlers, adopted=draw(st.booleans()))


def make_actual(bot, handlers, *, adopted=False):
    made = tuple(as_handler(new, str(index + 100)) for index, new in enumerate(handlers))
    actual = ActualBot.of(attrs.evolve(bot, handlers=tuple(map(as_summary, made))))
    return attrs.evolve(actual, handlers=made, adopted=adopted)


def as_handler(new, handler_id):
    """The handler that a new one becomes in Cliq."""
    return Handler(
        type=new.type,
        id=handler_id if new.type == "menu_handler" else "",
        **{
            name: value
            for name in ("name", "icon", "sub_actions", "script", "permissions")
            if (value := getattr(new, name)) is not None
        },
    )


def as_summary(handler):
    names = ("type", "id", "name", "icon", "sub_actions")
    return BotHandler(**{name: getattr(handler, name) for name in names})


def given_fields(model):
    return {name: v for name, v in attrs.asdict(model, recurse=False).items() if v is not None}


def carry_out(actual, steps):
    """The bot after the steps, as a model of Cliq has it."""
    known = {each.name for each in attrs.fields(Bot)}
    for number, step in enumerate(steps):
        if isinstance(step, CreateBot):
            values = {name: v for name, v in given_fields(step.new).items() if name in known}
            actual = make_actual(Bot(id="1", unique_name="bot", **values), ())
            continue
        bot, handlers = actual.bot, list(actual.handlers)
        if isinstance(step, UpdateBot):
            bot = attrs.evolve(bot, **given_fields(step.payload))
        elif isinstance(step, CreateHandler):
            handlers.append(as_handler(step.new, str(1000 + number)))
        elif isinstance(step, UpdateHandler):
            place = handlers.index(step.handler)
            handlers[place] = attrs.evolve(step.handler, **given_fields(step.payload))
        elif isinstance(step, DeleteHandler):
            handlers.remove(step.handler)
        actual = attrs.evolve(actual, bot=bot, handlers=tuple(handlers))
        assert sum(each.type == "menu_handler" for each in handlers) <= 5
    return attrs.evolve(actual, adopted=False)
