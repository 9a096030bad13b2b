"""Bots: their records, names, subscribers and handlers."""

from collections.abc import Iterable
from typing import Any, Final, Literal, NotRequired, TypedDict, cast

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request, bot_not_found
from cliq_async.sandbox.state.handlers import Handler, Handlers
from cliq_async.sandbox.state.pagination import PaginatedCollection
from cliq_async.sandbox.state.people import JAMES, Person

__all__ = ["Bot", "BotRecord", "Bots", "initial_bot", "make_subscribers", "new_record"]

_FIRST_BOT_ID: Final = 53719000001878011
_SCOPES: Final = ("organization", "team", "personal")
_CREATOR: Final = {"name": JAMES["name"], "id": JAMES["user_id"]}


class BotRecord(TypedDict):
    """A bot, as the API shows it."""

    unique_name: str
    name: str
    id: str
    description: str
    scope: Literal["organization", "team", "personal"]
    team_ids: NotRequired[list[int]]
    status_messages: NotRequired[list[str]]
    channel_participation: NotRequired[list[str]]
    calls: str
    handlers: list[dict[str, Any]]
    creator: dict[str, str]
    execution_type: Literal["deluge", "webhook"]
    execution_url: NotRequired[str]
    status: str
    type: str
    default: bool
    subscriber_count: int


@attrs.define(eq=False)
class Bot:
    """A bot.

    Attributes:
        record: The bot as the API shows it.
        owner: The label of the user who made it; None if it belongs to everybody.
        subscribers: Its subscribers by ZUID, as the API shows them.
        handlers: Its handlers.
    """

    record: BotRecord
    owner: str | None
    subscribers: PaginatedCollection[Person]
    handlers: Handlers

    @property
    def name(self) -> str:
        """Its unique name."""
        return self.record["unique_name"]

    def belongs_to_other(self, user: str) -> bool:
        """Whether it belongs to another user."""
        return self.owner is not None and self.owner != user

    def check_editor(self, user: str) -> None:
        """Check that a user may change it.

        Raises:
            ApiFault: The user may not.
        """
        if self.belongs_to_other(user):
            raise ApiFault(403, "The bot belongs to another user.", "bot_permission_denied")

    def check_sender(self, user: str) -> None:
        """Check that a user may write in its name.

        Raises:
            ApiFault: It is another user's, for that user alone.
        """
        if self.record["scope"] == "personal" and self.belongs_to_other(user):
            text = "The bot is for the user alone who made it."
            raise ApiFault(403, text, "bot_unauthorized_message_access")


class Bots:
    """All bots, by id and by unique name.

    Args:
        bots: The first ones.
        taken: Unique names that are not given again; those of the first ones among them.
        most: How many there may be for another one to be made.
    """

    def __init__(
        self, bots: Iterable[Bot], *, used_names: Iterable[str] = (), limit: int = 1000
    ) -> None:
        self._by_id = {bot.record["id"]: bot for bot in bots}
        self._by_name = {bot.name: bot for bot in self._by_id.values()}
        self._used_names = set(used_names) | self._by_name.keys()
        self._limit = limit
        self.records = PaginatedCollection(
            "bots", ((key, bot.record) for key, bot in self._by_id.items())
        )

    def by_id(self, reference: str) -> Bot:
        """The bot of this id, `b-` before it or not.

        Raises:
            ApiFault: There is none.
        """
        bot = self._by_id.get(reference.removeprefix("b-"))
        if bot is None:
            raise bot_not_found()
        return bot

    def by_name(self, unique_name: str) -> Bot:
        """The bot of this unique name.

        Raises:
            ApiFault: There is none.
        """
        bot = self._by_name.get(unique_name)
        if bot is None:
            raise bot_not_found()
        return bot

    def by_name_or_id(self, reference: str) -> Bot:
        """The bot of this unique name or id.

        Raises:
            ApiFault: There is none.
        """
        return self._by_name.get(reference) or self.by_id(reference)

    def all(self) -> list[Bot]:
        """All of them."""
        return list(self._by_id.values())

    def used_names(self) -> list[str]:
        """All unique names that were ever given."""
        return sorted(self._used_names)

    def check_can_add(self, name: str) -> None:
        """Check that there may be another bot, of this name.

        Raises:
            ApiFault: There are enough, or one of them has the name.
        """
        self._check_name(name)
        if len(self._by_id) >= self._limit:
            text = f"There are {len(self._by_id)} bots; the limit is {self._limit}."
            raise bad_request(text, "bot_creation_limit_exceeded")

    def unique_name(self, name: str) -> str:
        """A unique name made from a name."""
        letters = (char for char in name if char.isascii() and char.isalnum())
        stem = "".join(letters).lower() or "bot"
        unique, number = stem, 1
        while unique in self._used_names:
            number += 1
            unique = f"{stem}{number}"
        return unique

    def add(self, bot: Bot) -> None:
        """Add a bot."""
        self._by_id[bot.record["id"]] = self._by_name[bot.name] = bot
        self._used_names.add(bot.name)
        self.record_change(bot)

    def change(self, bot: Bot, fields: dict[str, Any]) -> None:
        """Set valid fields of a bot.

        Raises:
            ApiFault: Another bot has the name.
        """
        if "name" in fields:
            self._check_name(fields["name"], except_bot=bot)
        shown = {name: value for name, value in fields.items() if name != "image"}
        bot.record = cast("BotRecord", {**bot.record, **shown})
        self.record_change(bot)

    def record_change(self, bot: Bot) -> None:
        """Take notice that a bot, its handlers or its subscribers have changed."""
        bot.record["handlers"] = bot.handlers.summarize()
        bot.record["subscriber_count"] = len(bot.subscribers)
        self.records.put(bot.record["id"], bot.record)

    def remove(self, bot: Bot) -> None:
        """Take a bot away."""
        del self._by_id[bot.record["id"]]
        del self._by_name[bot.name]
        self.records.remove(bot.record["id"])

    def _check_name(self, name: str, except_bot: Bot | None = None) -> None:
        folded = name.casefold()
        for bot in self._by_id.values():
            if bot is not except_bot and bot.record["name"].casefold() == folded:
                raise bad_request("Another bot has this name.", "bot_name_already_exists")


def make_subscribers(bot_id: str, people: Iterable[Person]) -> PaginatedCollection[Person]:
    """A bot's subscribers."""
    return PaginatedCollection(
        f"subscribers of {bot_id}", ((person["user_id"], person) for person in people)
    )


def new_record(bot_id: str, unique_name: str, form: dict[str, Any]) -> BotRecord:
    """The record of a bot that is made from a valid form; fields that were not given are absent."""
    optional = {
        name: form[name]
        for name in ("team_ids", "status_messages", "channel_participation", "execution_url")
        if name in form
    }
    record = {
        "unique_name": unique_name,
        "name": form["name"],
        "id": bot_id,
        "description": form["description"],
        "scope": form.get("scope", "organization"),
        "calls": form.get("calls", "disabled"),
        "handlers": [],
        "creator": _CREATOR,
        "execution_type": form.get("execution_type", "deluge"),
        "status": "enabled",
        "type": "custom",
        "default": False,
        "subscriber_count": 1,
    }
    return cast("BotRecord", {**record, **optional})


def initial_bot(number: int, people: Iterable[Person]) -> Bot:
    """A bot that is there from the beginning and belongs to everybody."""
    bot_id = _FIRST_BOT_ID + 1000 * number
    scope = _SCOPES[number % len(_SCOPES)]
    form: dict[str, Any] = {
        "name": f"Helper Bot {number + 1}" if number else "Support Bot",
        "description": "Handles support workflows",
        "scope": scope,
        "channel_participation": ["listen_message", "send_message"],
        "calls": "enabled",
    }
    if scope == "team":
        form["team_ids"] = [12345678]
    welcome = Handler(
        id=str(bot_id + 6), type="welcome_handler", default=True, script="return Map();"
    )
    unique_name = f"helperbot{number + 1}" if number else "supportbot"
    bot = Bot(
        new_record(str(bot_id), unique_name, form),
        None,
        make_subscribers(str(bot_id), people),
        Handlers([welcome]),
    )
    bot.record["handlers"] = bot.handlers.summarize()
    bot.record["subscriber_count"] = len(bot.subscribers)
    return bot
