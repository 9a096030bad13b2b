"""The bots that `cliq.toml` describes, checked against the documented limits."""

import os
import re
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import attrs

from cliq_async.config import ACCESS_TOKEN, REFRESH_TOKEN
from cliq_async.deploy.app import load_handlers
from cliq_async.errors import NOTHING, Unquoted, ValidationError, suggest
from cliq_async.models.bot import BotChanges, NewBot
from cliq_async.models.handler import HANDLER_TYPES, NewHandler, SubAction
from cliq_async.models.validators import check_text

__all__ = ["FIELDS", "MAX_MENUS", "MENU", "DesiredBot", "load_bot", "load_bots"]

MENU: Final = "menu_handler"
MAX_MENUS: Final = 5
"""The most menu actions of a bot."""
FIELDS: Final[tuple[str, ...]] = tuple(
    field
    for field in (
        *("name", "description", "scope", "team_ids", "status_messages"),
        *("channel_participation", "calls", "image", "execution_url"),
    )
    if field in attrs.fields_dict(BotChanges)
)
"""The fields of a bot that a description may set and an update can change, in their order."""

_KEYS: Final = ("app", *FIELDS, "execution_type", "handlers", "menus")
_LOGIC_KEYS: Final = ("script_file", "permissions")
_MENU_KEYS: Final = ("name", "icon", "sub_actions", *_LOGIC_KEYS)
_SUB_ACTION_KEYS: Final = ("name", "icon")
_VARIABLE: Final = re.compile(r"\$(?:(\$)(?=\{)|\{(\w+)\})")
_SECRETS: Final = frozenset({ACCESS_TOKEN, *REFRESH_TOKEN[1:]})
_MAX_FILE: Final = 2**20
_MAX_IMAGE: Final = 16 * 2**20


@attrs.frozen(kw_only=True)
class DesiredBot:
    """A bot as `cliq.toml` describes it. Fields that it does not name stay as they are in Cliq.

    Attributes:
        key: The bot's key in the file.
        execution_type: `deluge` or `webhook`.
        fields: The named fields, with the values of a `BotChanges`.
        handlers: The handlers and menu actions.
        shown: The values to show instead of those of some fields.
    """

    key: str
    execution_type: str
    fields: Mapping[str, Any]
    handlers: tuple[NewHandler, ...] = ()
    shown: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        """The display name."""
        return str(self.fields["name"])

    def new(self) -> NewBot:
        """Return the bot to create.

        Raises:
            ValidationError: A field that a new bot needs is missing.
        """
        with _located(f"bots.{self.key}"):
            if "description" not in self.fields:
                raise ValidationError("NewBot.description", "needed to create the bot", NOTHING)
            # No document requires a scope, but the live service does.
            fields: dict[str, Any] = {"scope": "organization", **self.fields}
            return NewBot(**fields, execution_type=cast("Any", self.execution_type))


def load_bots(
    tables: Mapping[str, Any],
    folder: Path,
    *,
    keys: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> list[DesiredBot]:
    """Read the descriptions of bots.

    Args:
        tables: The tables by the bots' keys.
        folder: The folder of the file, in which the modules, scripts and images are.
        keys: The bots to read; none for all.
        environ: The values of variables.

    Raises:
        ValidationError: Something in a description is not valid; the error names its key.
    """
    for key in keys:
        if key not in tables:
            limit = f"there is no bot {key!r}; {suggest(key, tables)}"
            raise ValidationError("KEY", limit, NOTHING)
    bots = [
        load_bot(key, table, folder, environ=environ)
        for key, table in tables.items()
        if key in (keys or tables)
    ]
    owners: dict[str, str] = {}
    for bot in bots:
        if (owner := owners.setdefault(bot.name, bot.key)) != bot.key:
            raise ValidationError(
                f"bots.{bot.key}.name", f"a name that bots.{owner} does not have", bot.name
            )
    return bots


def load_bot(
    key: str, table: Any, folder: Path, *, environ: Mapping[str, str] = os.environ
) -> DesiredBot:
    """Read the description of one bot. See `load_bots`."""
    where = f"bots.{key}"
    _check_keys(where, table, _KEYS)
    app, values = table.get("app"), {name: table[name] for name in FIELDS if name in table}
    webhook = app is not None or "execution_url" in values
    execution_type = table.get("execution_type", "webhook" if webhook else "deluge")
    _check_execution(where, execution_type, app, values)
    shown: dict[str, str] = {}
    if "execution_url" in values:
        template = check_text(f"{where}.execution_url", values["execution_url"], 1)
        values["execution_url"] = _expand(f"{where}.execution_url", template, environ)
        if _VARIABLE.search(template):
            shown["execution_url"] = template
    if "image" in values:
        shown["image"] = check_text(f"{where}.image", values["image"], 1)
        content = _read_file(f"{where}.image", shown["image"], folder, _MAX_IMAGE)
        values["image"] = b64encode(content).decode()
    if "team_ids" in values and values.get("scope") != "team":
        raise ValidationError(
            f"{where}.team_ids", "left out unless scope is team", table.get("scope")
        )
    if "name" not in values:
        raise ValidationError(f"{where}.name", "this key is missing", NOTHING)
    with _located(where):
        changes = BotChanges(**values)
    if app is None:
        handlers = _read_handlers(where, table, folder, execution_type)
    elif "handlers" in table or "menus" in table:
        given = "handlers" if "handlers" in table else "menus"
        limit = "left out, since the app's decorators say which there are"
        raise ValidationError(f"{where}.{given}", limit, table[given])
    else:
        handlers = load_handlers(f"{where}.app", check_text(f"{where}.app", app, 1), folder)
    _check_unique(where, handlers)
    return DesiredBot(
        key=key,
        execution_type=execution_type,
        fields={name: getattr(changes, name) for name in values},
        handlers=handlers,
        shown=shown,
    )


def _check_execution(
    where: str, execution_type: object, app: object, values: Mapping[str, Any]
) -> None:
    if execution_type not in ("deluge", "webhook"):
        raise ValidationError(f"{where}.execution_type", "deluge or webhook", execution_type)
    if execution_type == "webhook" and "execution_url" not in values:
        limit = "needed: the URL that Cliq sends events to"
        raise ValidationError(f"{where}.execution_url", limit, NOTHING)
    if execution_type == "deluge" and (app is not None or "execution_url" in values):
        name = "app" if app is not None else "execution_url"
        limit = "left out, since a Deluge bot runs in Cliq"
        raise ValidationError(f"{where}.{name}", limit, app or values["execution_url"])


def _read_handlers(
    where: str, table: Mapping[str, Any], folder: Path, execution_type: str
) -> tuple[NewHandler, ...]:
    by_type, menus = table.get("handlers", {}), table.get("menus", [])
    _check_keys(f"{where}.handlers", by_type, [each for each in HANDLER_TYPES if each != MENU])
    if not isinstance(menus, list):
        raise ValidationError(f"{where}.menus", f"tables, as [[{where}.menus]]", menus)
    handlers = []
    for handler_type, fields in by_type.items():
        place = f"{where}.handlers.{handler_type}"
        _check_keys(place, fields, _LOGIC_KEYS)
        handlers.append(_read_handler(place, handler_type, fields, folder, execution_type))
    for index, fields in enumerate(menus):
        place = f"{where}.menus[{index}]"
        _check_keys(place, fields, _MENU_KEYS)
        handlers.append(_read_handler(place, MENU, fields, folder, execution_type))
    return tuple(handlers)


def _read_handler(
    where: str, handler_type: Any, table: Mapping[str, Any], folder: Path, execution_type: str
) -> NewHandler:
    values = dict(table)
    wanted, refused = (
        ("permissions", "script_file")
        if execution_type == "webhook"
        else ("script_file", "permissions")
    )
    if wanted not in values:
        raise ValidationError(
            f"{where}.{wanted}", f"needed, since the bot is {execution_type}", NOTHING
        )
    if refused in values:
        limit = f"left out, since the bot is {execution_type}"
        raise ValidationError(f"{where}.{refused}", limit, values[refused])
    if (name := values.pop("script_file", None)) is not None:
        values["script"] = _read_script(f"{where}.script_file", name, folder)
    if "sub_actions" in values:
        values["sub_actions"] = _read_sub_actions(f"{where}.sub_actions", values["sub_actions"])
    with _located(where):
        return NewHandler(handler_type, **values)


def _read_script(where: str, name: object, folder: Path) -> str:
    content = _read_file(where, check_text(where, name, 1), folder, _MAX_FILE)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValidationError(where, "a file in UTF-8", name) from None


def _read_sub_actions(where: str, value: object) -> list[SubAction]:
    if not isinstance(value, list):
        raise ValidationError(where, "a list of { name = …, icon = … }", value)
    actions = []
    for index, each in enumerate(value):
        _check_keys(f"{where}[{index}]", each, _SUB_ACTION_KEYS)
        actions.append(SubAction(**each))
    return actions


def _read_file(where: str, name: str, folder: Path, limit: int) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:  # a ValueError for a path with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise ValidationError(where, f"a file that can be read ({reason})", name) from None
    if len(content) > limit:
        raise ValidationError(where, f"a file of at most {limit:,} bytes", name)
    return content


def _expand(where: str, template: str, environ: Mapping[str, str]) -> str:
    """Replace `${NAME}` with a variable's value; `$${` stands for `${`."""

    def value(match: re.Match[str]) -> str:
        dollar, name = match.groups()
        if dollar:
            return "$"
        if name in _SECRETS:
            raise ValidationError(where, "a URL without Cliq's credentials", Unquoted(match[0]))
        if not (found := environ.get(name)):
            limit = "a URL whose variables are set in the environment"
            raise ValidationError(where, limit, Unquoted(match[0]))
        return found

    return _VARIABLE.sub(value, template)


def _check_unique(where: str, handlers: tuple[NewHandler, ...]) -> None:
    seen = set()
    for handler in handlers:
        identity = (handler.type, handler.name)
        if identity in seen:
            limit = f"one {handler.type}" if handler.name is None else "one menu of each name"
            raise ValidationError(where, limit, handler.name or "two")
        seen.add(identity)
    menus = sum(handler.type == MENU for handler in handlers)
    if menus > MAX_MENUS:
        raise ValidationError(where, f"at most {MAX_MENUS} menus", menus)


def _check_keys(where: str, table: object, known: Collection[str]) -> None:
    if not isinstance(table, Mapping):
        raise ValidationError(where, "a table", table)
    for key in table:
        if key not in known:
            limit = f"there is no such key; {suggest(key, known)}"
            raise ValidationError(f"{where}.{key}", limit, NOTHING)


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Make a ValidationError of the body name a key of the file, not a model's field."""
    try:
        yield
    except ValidationError as error:
        field = error.field.partition(".")[2]
        name = f"{where}.{field}" if field else where
        raise ValidationError(name, error.limit, error.given) from None
