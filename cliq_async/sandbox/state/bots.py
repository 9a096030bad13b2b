"""Bots: records, names, subscribers and handlers."""

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
    """A bot, as the API returns it."""

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
        record: The bot as the API returns it.
        owner: The label of the user who created it; None if it belongs to all users.
        subscribers: The subscribers by ZUID, as the API returns them.
        handlers: The bot's handlers.
    """

    record: BotRecord
    owner: str | None
    subscribers: PaginatedCollection[Person]
    handlers: Handlers

    @property
    def name(self) -> str:
        """The bot's unique name."""
        return self.record["unique_name"]

    def belongs_to_other(self, user: str) -> bool:
        """Return whether the bot belongs to another user."""
        return self.owner is not None and self.owner != user

    def check_editor(self, user: str) -> None:
        """Check that a user may change the bot.

        Raises:
            ApiFault: The bot belongs to another user.
        """
        if self.belongs_to_other(user):
            raise ApiFault(403, "The bot belongs to another user.", "bot_permission_denied")

    def check_sender(self, user: str) -> None:
        """Check that a user may send as the bot.

        Raises:
            ApiFault: The bot is another user's personal bot.
        """
        if self.record["scope"] == "personal" and self.belongs_to_other(user):
            text = "Only the user who created this personal bot can use it."
            raise ApiFault(403, text, "bot_unauthorized_message_access")


class Bots:
    """All bots, by id and by unique name.

    Args:
        bots: The initial bots.
        used_names: Further unique names that new bots cannot get.
        limit: The number of bots from which no more can be created.
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
        """Return the bot with this id, which may have the prefix `b-`.

        Raises:
            ApiFault: No bot has the id.
        """
        bot = self._by_id.get(reference.removeprefix("b-"))
        if bot is None:
            raise bot_not_found()
        return bot

    def by_name(self, unique_name: str) -> Bot:
        """Return the bot with this unique name.

        Raises:
            ApiFault: No bot has the unique name.
        """
        bot = self._by_name.get(unique_name)
        if bot is None:
            raise bot_not_found()
        return bot

    def by_name_or_id(self, reference: str) -> Bot:
        """Return the bot with this unique name or id.

        Raises:
            ApiFault: No bot has the unique name or id.
        """
        return self._by_name.get(reference) or self.by_id(reference)

    def all(self) -> list[Bot]:
        """Return all bots."""
        return list(self._by_id.values())

    def used_names(self) -> list[str]:
        """Return all unique names ever used, including those of deleted bots."""
        return sorted(self._used_names)

    def check_can_add(self, name: str) -> None:
        """Check that a bot with this name can be created.

        Raises:
            ApiFault: The bot limit is reached, or the name is taken.
        """
        self._check_name(name)
        if len(self._by_id) >= self._limit:
            text = f"There are {len(self._by_id)} bots; the limit is {self._limit}."
            raise bad_request(text, "bot_creation_limit_exceeded")

    def unique_name(self, name: str) -> str:
        """Derive an unused unique name from a name."""
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
            ApiFault: The name is taken.
        """
        if "name" in fields:
            self._check_name(fields["name"], except_bot=bot)
        changes = {name: value for name, value in fields.items() if name != "image"}
        record: dict[str, Any] = {**bot.record}
        if fields.get("scope", "team") != "team":
            record.pop("team_ids", None)
        bot.record = cast("BotRecord", record | changes)
        self.record_change(bot)

    def record_change(self, bot: Bot) -> None:
        """Update a bot's record after a change of the bot, its handlers or its subscribers."""
        bot.record["handlers"] = bot.handlers.summarize()
        bot.record["subscriber_count"] = len(bot.subscribers)
        self.records.put(bot.record["id"], bot.record)

    def remove(self, bot: Bot) -> None:
        """Remove a bot."""
        del self._by_id[bot.record["id"]]
        del self._by_name[bot.name]
        self.records.remove(bot.record["id"])

    def _check_name(self, name: str, except_bot: Bot | None = None) -> None:
        folded = name.casefold()
        for bot in self._by_id.values():
            if bot is not except_bot and bot.record["name"].casefold() == folded:
                raise bad_request("Another bot has this name.", "bot_name_already_exists")


def make_subscribers(bot_id: str, people: Iterable[Person]) -> PaginatedCollection[Person]:
    """Create a bot's list of subscribers."""
    return PaginatedCollection(
        f"subscribers of {bot_id}", ((person["user_id"], person) for person in people)
    )


def new_record(bot_id: str, unique_name: str, form: dict[str, Any]) -> BotRecord:
    """Create the record of a bot from a valid form, without the optional fields it lacks."""
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
    """Create one of the initial bots, which belong to all users."""
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
