"""Carry out the steps of a plan: each through the client, so that the quota holds."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import attrs

from cliq_async.client import CliqClient
from cliq_async.deploy.actual import ActualBot, match_handler
from cliq_async.deploy.desired import FIELDS, MENU
from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.lock import LockEntry, LockFile, digest
from cliq_async.deploy.plan import (
    AdoptBot,
    BotPlan,
    CreateBot,
    CreateHandler,
    DeleteHandler,
    Plan,
    Step,
    UpdateBot,
    UpdateHandler,
)
from cliq_async.deploy.reader import find_by_name
from cliq_async.errors import (
    ApiError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    ServerError,
)
from cliq_async.models.bot import Bot
from cliq_async.models.handler import Handler, HandlerChanges, HandlerType, NewHandler

__all__ = ["OnStep", "apply_plan"]

OnStep = Callable[[BotPlan, Step, str], None]
"""Called after each step, with a remark: the new bot's unique name, or why nothing was done."""

_ATTEMPTS: Final = 3
_UNDELETABLE: Final = "default_handler_delete_not_allowed"


async def apply_plan(
    client: CliqClient, plan: Plan, lock: LockFile, *, on_step: OnStep | None = None
) -> None:
    """Carry out a plan, one step after the other. It may be interrupted, and planned again.

    Args:
        client: An open client.
        plan: The plan.
        lock: The lock file, which is saved as soon as a bot's id is known.
        on_step: Called after each step.

    Raises:
        DeployError: Someone else has changed a bot since the plan.
        CliqError: A step failed; the steps before it are done.
        OSError: The lock file cannot be written.
    """
    for bot in plan.bots:
        worker = _BotWorker(client, bot, lock)
        for step in bot.steps:
            remark = await worker.run(step)
            if on_step is not None:
                on_step(bot, step, remark)


class _BotWorker:
    """Carries out the steps of one bot."""

    def __init__(self, client: CliqClient, plan: BotPlan, lock: LockFile) -> None:
        self._client = client
        self._plan = plan
        self._lock = lock
        self._entry = None if plan.actual is None else plan.actual.entry
        self._created = False

    async def run(self, step: Step) -> str:
        match step:
            case CreateBot():
                return await self._create_bot(step)
            case AdoptBot():
                self._save()
            case UpdateBot():
                await self._update_bot(step)
            case CreateHandler():
                await self._create_handler(step.new)
            case UpdateHandler():
                await self._client.handlers.update(
                    self._bot_id,
                    _type(step.handler),
                    step.payload,
                    handler_id=_menu_id(step.handler),
                )
            case DeleteHandler():
                return await self._delete_handler(step.handler)
        return ""

    @property
    def _bot_id(self) -> str:
        return self._known.id

    @property
    def _known(self) -> LockEntry:
        if self._entry is None:
            raise DeployError(f"bots.{self._plan.key}: a step before the bot exists")
        return self._entry

    def _save(self, **changes: Any) -> None:
        self._entry = attrs.evolve(self._known, **changes)
        self._lock.put(self._plan.key, self._entry)

    async def _create_bot(self, step: CreateBot) -> str:
        bot = await self._create_once(step)
        self._entry = LockEntry(id=bot.id, unique_name=bot.unique_name)
        self._created = True
        values = {name: value for name in FIELDS if (value := getattr(step.new, name)) is not None}
        self._save(digests=_digests({}, values, bot))
        return bot.unique_name

    async def _create_once(self, step: CreateBot) -> Bot:
        """Create a bot; look for it by its name before a second attempt.

        Names are unique, so a first request that arrives late cannot make a second bot.
        """
        name, sent = step.new.name, False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                bot = await self._client.bots.create(step.new)
                if bot.id:
                    return bot
                error: Exception = DeployError(
                    f"bots.{self._plan.key}: the bot {name!r} was created, but it cannot be found"
                )
            except (OutcomeUnknownError, ServerError) as failed:
                error = failed
            except ConflictError as failed:
                if not sent:
                    raise
                error = failed
            sent = True
            found = await find_by_name(self._client, name)
            if found is not None:
                return found
            if attempt == _ATTEMPTS or isinstance(error, DeployError):
                raise error
        raise AssertionError("unreachable")

    async def _update_bot(self, step: UpdateBot) -> None:
        bot = await self._client.bots.update(self._bot_id, step.payload)
        values = {
            name: value for name in FIELDS if (value := getattr(step.payload, name)) is not None
        }
        digests = _digests(self._known.digests, values, bot)
        if digests != self._known.digests:
            self._save(digests=digests)

    async def _create_handler(self, new: NewHandler) -> None:
        unknown = False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._client.handlers.create(self._bot_id, new)
                return
            except ConflictError:
                # A new bot may come with handlers, and a first request may have arrived late.
                if not (self._created or unknown):
                    raise
                error: Exception | None = None
            except (OutcomeUnknownError, ServerError) as failed:
                error, unknown = failed, True
            actual = ActualBot.of(await self._client.bots.get(self._bot_id))
            found = match_handler(new, actual.handlers)
            if found is not None:
                if self._created:
                    await self._overwrite(found, new)
                return
            # Two menus may have one name: if the first request arrives late, a second one would
            # make a second menu.
            if error is not None and (new.type == MENU or attempt == _ATTEMPTS):
                raise error
        raise DeployError(f"bots.{self._plan.key}: Cliq has a {new.type}, but does not list it")

    async def _overwrite(self, found: Handler, new: NewHandler) -> None:
        fields = {name: getattr(new, name) for name in ("script", "permissions", "icon")}
        changes = HandlerChanges(**fields, sub_actions=new.sub_actions)
        await self._client.handlers.update(
            self._bot_id, new.type, changes, handler_id=_menu_id(found)
        )

    async def _delete_handler(self, handler: Handler) -> str:
        try:
            await self._client.handlers.delete(
                self._bot_id, _type(handler), handler_id=_menu_id(handler)
            )
        except NotFoundError:
            return "it was already deleted"
        except ApiError as error:
            if error.code != _UNDELETABLE:
                raise
            self._save(default_handlers=(*self._known.default_handlers, handler.type))
            return "Cliq refuses to delete it, so it stays"
        return ""


def _digests(known: Mapping[str, str], values: Mapping[str, Any], bot: Bot) -> dict[str, str]:
    """Return the digests of the values that Cliq's answer does not show."""
    hidden = {name: digest(v) for name, v in values.items() if not getattr(bot, name, None)}
    rest = {name: value for name, value in known.items() if name not in values}
    return rest | {name: hidden[name] for name in hidden if values[name] or name == "image"}


def _type(handler: Handler) -> HandlerType:
    return cast("HandlerType", handler.type)


def _menu_id(handler: Handler) -> str | None:
    if handler.type != MENU:
        return None
    if not handler.id:
        raise DeployError(f"Cliq does not report the id of the menu {handler.name!r}")
    return handler.id
