"""Plan the steps from the bots in Cliq to the bots that `cliq.toml` describes. Pure; no I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import attrs

from cliq_async.deploy.actual import ActualBot, match_handler
from cliq_async.deploy.desired import FIELDS, MAX_MENUS, MENU, DesiredBot
from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.lock import digest
from cliq_async.models.bot import Bot, BotChanges, NewBot
from cliq_async.models.handler import HANDLER_TYPES, Handler, HandlerChanges, NewHandler

__all__ = [
    "AdoptBot",
    "BotPlan",
    "Change",
    "CreateBot",
    "CreateHandler",
    "DeleteHandler",
    "Plan",
    "Step",
    "UpdateBot",
    "UpdateHandler",
    "plan_bot",
]

_UNORDERED: Final = frozenset({"team_ids", "channel_participation", "permissions"})
_SWITCHES: Final = {"enable": "enabled", "disable": "disabled"}
_HANDLER_FIELDS: Final = ("icon", "sub_actions", "permissions", "script")


@attrs.frozen
class Change:
    """The change of a field.

    Attributes:
        field: The field.
        before: Its value in Cliq; None if it is not set, or if Cliq does not show it.
        after: Its new value.
    """

    field: str
    before: Any
    after: Any


@attrs.frozen(kw_only=True)
class Step:
    """A step of a plan: at most one change in Cliq.

    Attributes:
        action: The step's name in JSON.
        endpoint: The endpoint that the step calls; None if it calls none.
        changes: The changes of fields, for people.
    """

    action: ClassVar[str]
    endpoint: ClassVar[str | None]
    changes: tuple[Change, ...] = ()


@attrs.frozen(kw_only=True)
class CreateBot(Step):
    """Create a bot."""

    action = "create_bot"
    endpoint = "create_bot"
    new: NewBot


@attrs.frozen(kw_only=True)
class AdoptBot(Step):
    """Note a bot that was found by its name in the lock file."""

    action = "adopt_bot"
    endpoint = None


@attrs.frozen(kw_only=True)
class UpdateBot(Step):
    """Change fields of a bot."""

    action = "update_bot"
    endpoint = "update_bot"
    payload: BotChanges


@attrs.frozen(kw_only=True)
class CreateHandler(Step):
    """Create a handler."""

    action = "create_handler"
    endpoint = "create_handler"
    new: NewHandler


@attrs.frozen(kw_only=True)
class UpdateHandler(Step):
    """Change a handler."""

    action = "update_handler"
    endpoint = "update_handler"
    handler: Handler
    payload: HandlerChanges


@attrs.frozen(kw_only=True)
class DeleteHandler(Step):
    """Delete a handler."""

    action = "delete_handler"
    endpoint = "delete_handler"
    handler: Handler


@attrs.frozen(kw_only=True)
class BotPlan:
    """The plan of one bot.

    Attributes:
        key: The bot's key in `cliq.toml`.
        name: Its display name.
        actual: The bot in Cliq; None if it does not exist yet.
        steps: The steps, in their order.
        kept: Handlers that `cliq.toml` does not name, and that stay.
    """

    key: str
    name: str
    actual: ActualBot | None
    steps: tuple[Step, ...]
    kept: tuple[Handler, ...] = ()


@attrs.frozen
class Plan:
    """The plans of several bots."""

    bots: tuple[BotPlan, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps."""
        return tuple(step for bot in self.bots for step in bot.steps)

    def requests(self) -> Counter[str]:
        """Return the number of requests by endpoint, if each step takes one."""
        return Counter(step.endpoint for step in self.steps if step.endpoint is not None)


def plan_bot(desired: DesiredBot, actual: ActualBot | None, *, prune: bool = False) -> BotPlan:
    """Plan the steps of one bot.

    Args:
        desired: The bot as `cliq.toml` describes it.
        actual: The bot in Cliq, with the matching handlers read; None if it does not exist.
        prune: True to delete handlers that the description does not name.

    Raises:
        DeployError: The bot cannot be changed into the desired one.
        ValidationError: The description lacks a field that a new bot needs.
    """
    if actual is None:
        new = desired.new()
        values = {name: value for name in FIELDS if (value := getattr(new, name)) is not None}
        fields = {"execution_type": desired.execution_type} | values
        create = CreateBot(new=new, changes=_created(fields, desired.shown))
        steps = [create, *map(_create_handler, desired.handlers)]
        return BotPlan(key=desired.key, name=desired.name, actual=None, steps=tuple(steps))
    _check_execution_type(desired, actual.bot)
    handlers, kept = _plan_handlers(desired, actual, prune=prune)
    steps = [AdoptBot()] if actual.adopted else []
    steps += [*_plan_fields(desired, actual), *handlers]
    return BotPlan(
        key=desired.key, name=desired.name, actual=actual, steps=tuple(steps), kept=tuple(kept)
    )


def _check_execution_type(desired: DesiredBot, bot: Bot) -> None:
    if bot.execution_type not in ("", desired.execution_type):
        raise DeployError(
            f"bots.{desired.key}: the bot {bot.unique_name} is {bot.execution_type}, and no update "
            f"makes it {desired.execution_type}: delete it with `cliq bots delete {bot.id}`, or "
            "change cliq.toml"
        )


def _plan_fields(desired: DesiredBot, actual: ActualBot) -> Iterable[UpdateBot]:
    changed = {
        name: value for name, value in desired.fields.items() if _differs(name, value, actual)
    }
    if not changed:
        return
    changes = tuple(_field_change(name, desired, actual.bot) for name in FIELDS if name in changed)
    if changed.keys() & {"scope", "team_ids"} and "team_ids" in desired.fields:
        changed |= {name: desired.fields[name] for name in ("scope", "team_ids")}
    yield UpdateBot(payload=BotChanges(**changed), changes=changes)


def _field_change(name: str, desired: DesiredBot, bot: Bot) -> Change:
    before, after = _value(bot, name), desired.fields[name]
    if name in desired.shown:
        after = desired.shown[name]
        if name == "execution_url" and before:  # a variable may have put a secret into the path
            before = "/".join([*before.split("/")[:3], "…"])
    return Change(name, before or None, after)


def _differs(name: str, wanted: Any, actual: ActualBot) -> bool:
    value = _value(actual.bot, name)
    shown = value or name in ("status_messages", "channel_participation")
    if not shown:  # Cliq does not tell
        return actual.entry.digests.get(name) != digest(wanted)
    return not _equal(name, value, wanted)


def _value(bot: Bot, name: str) -> Any:
    value = getattr(bot, name, None)  # no bot has its image
    return _SWITCHES.get(value, value) if name == "calls" and isinstance(value, str) else value


def _equal(name: str, value: Any, wanted: Any) -> bool:
    return bool(_comparable(name, value) == _comparable(name, wanted))


def _comparable(name: str, value: Any) -> Any:
    """Return a value without the differences that do not matter."""
    if name in _UNORDERED:
        return set(value or ())
    if name == "sub_actions":
        return [(each.name, each.icon.casefold()) for each in value or ()]
    if name == "icon":
        return (value or "").casefold()
    if name == "script":  # editors end a file with a line end, and some write others
        return (value or "").replace("\r\n", "\n").strip()
    return value


def _plan_handlers(
    desired: DesiredBot, actual: ActualBot, *, prune: bool
) -> tuple[list[Step], list[Handler]]:
    """Return the steps for handlers, deletions first, and the handlers that stay unnamed."""
    left = list(actual.handlers)
    updates: list[Step] = []
    creations: list[Step] = []
    for handler in desired.handlers:
        match = match_handler(handler, left)
        if match is None:
            creations.append(_create_handler(handler))
        else:
            left.remove(match)
            updates += _update_handler(handler, match)
    known = [each for each in left if each.type in HANDLER_TYPES]
    removable = [each for each in known if each.type not in actual.entry.default_handlers]
    deletions = [_delete_handler(each) for each in removable] if prune else []
    kept = [] if prune else removable
    types = [each.type for each in desired.handlers] + [each.type for each in kept]
    menus = types.count(MENU)
    if menus > MAX_MENUS:
        names = ", ".join(repr(each.name) for each in kept if each.type == MENU)
        raise DeployError(
            f"bots.{desired.key}: it would have {menus} menus, and {MAX_MENUS} is the most: "
            f"--prune deletes those that cliq.toml does not name ({names})"
        )
    steps: list[Step] = [*deletions, *updates, *creations]
    return steps, kept


def _create_handler(handler: NewHandler) -> CreateHandler:
    fields = {name: getattr(handler, name) for name in _HANDLER_FIELDS}
    given = {name: value for name, value in fields.items() if value is not None}
    return CreateHandler(new=handler, changes=_created(given))


def _update_handler(wanted: NewHandler, handler: Handler) -> Iterable[UpdateHandler]:
    changed = {
        name: value
        for name in _HANDLER_FIELDS
        if (value := getattr(wanted, name)) is not None
        and not _equal(name, getattr(handler, name), value)
    }
    if changed:
        changes = [Change(name, getattr(handler, name) or None, changed[name]) for name in changed]
        yield UpdateHandler(
            handler=handler, payload=HandlerChanges(**changed), changes=tuple(changes)
        )


def _delete_handler(handler: Handler) -> DeleteHandler:
    return DeleteHandler(handler=handler)


def _created(
    fields: Mapping[str, Any], shown: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    return tuple(
        Change(name, None, (shown or {}).get(name, value)) for name, value in fields.items()
    )
