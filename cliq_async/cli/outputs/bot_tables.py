"""Bots and their handlers as tables and as JSON."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from cliq_async.cli.outputs.console import echo, echo_err, table
from cliq_async.cli.text import clean, clean_lines
from cliq_async.models.bot import Bot, BotHandler
from cliq_async.models.function import FunctionHandler
from cliq_async.models.handler import Handler, SubAction

__all__ = [
    "format_sub_actions",
    "print_bot",
    "print_bots",
    "print_fields",
    "print_handler",
    "print_handlers",
]

_HANDLERS: Final = ("handler", "id", "name", "icon", "position", "sub-actions")


def print_bots(bots: Sequence[Bot]) -> None:
    """Print bots as a table."""
    if not bots:
        echo_err("no bots")
        return
    rows = [
        (
            clean(bot.id),
            clean(bot.unique_name),
            clean(bot.name),
            clean(bot.scope),
            clean(bot.status),
            "" if bot.subscriber_count is None else f"{bot.subscriber_count:,}",
        )
        for bot in bots
    ]
    header = ("id", "unique name", "name", "scope", "status", "subscribers")
    table(rows, header=header, right=(5,), spare=(3, 4))


def print_bot(bot: Bot, *, details: bool) -> None:
    """Print a bot as tables: fields, handlers and, with `details`, undocumented fields."""
    creator = "" if bot.creator is None else f"{bot.creator.name} ({bot.creator.id})"
    print_fields(
        ("id", bot.id),
        ("unique name", bot.unique_name),
        ("name", bot.name),
        ("description", bot.description),
        ("scope", bot.scope),
        ("teams", ", ".join(map(str, bot.team_ids))),
        ("status", bot.status),
        ("status messages", " | ".join(bot.status_messages)),
        ("participation", ", ".join(bot.channel_participation)),
        ("calls", bot.calls),
        ("execution type", bot.execution_type),
        ("execution URL", bot.execution_url),
        ("type", bot.type),
        ("creator", creator),
        ("subscribers", "" if bot.subscriber_count is None else f"{bot.subscriber_count:,}"),
    )
    if bot.handlers:
        echo()
        print_handlers(bot.handlers)
    if details:
        for name, value in bot.extra.items():
            echo()
            _print_extra(name, value)


def print_handlers(handlers: Iterable[BotHandler]) -> None:
    """Print the handlers of a bot as a table."""
    rows = [
        (
            clean(handler.type),
            clean(handler.id),
            clean(handler.name),
            clean(handler.icon),
            "" if handler.position is None else str(handler.position),
            clean(format_sub_actions(handler.sub_actions)),
        )
        for handler in handlers
    ]
    table(rows, header=_HANDLERS, free=(5,))


def format_sub_actions(actions: Iterable[SubAction]) -> str:
    """Format the entries below a menu action as one line."""
    return ", ".join(f"{each.name} ({each.icon})" if each.icon else each.name for each in actions)


def print_fields(*rows: tuple[str, str]) -> None:
    """Print names and values as a table, without empty values."""
    table([(name, clean(value)) for name, value in rows if value], free=(1,))


def print_handler(handler: Handler | FunctionHandler, *rows: tuple[str, str]) -> None:
    """Print a handler with its script, after the given names and values."""
    print_fields(
        ("handler", handler.type),
        *rows,
        ("permissions", ", ".join(handler.permissions)),
        ("return type", handler.return_type),
        ("params", ", ".join(f"{each.param_name} {each.param_type}" for each in handler.params)),
    )
    if handler.script:
        echo()
        echo(clean_lines(handler.script))


def _print_extra(name: str, value: object) -> None:
    """Print an undocumented field: as a table if it is a list of objects."""
    echo(f"{clean(name)}:")
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        columns = list(dict.fromkeys(key for item in value for key in item))
        rows = [[_cell(item.get(key)) for key in columns] for item in value]
        table(rows, header=[clean(column) for column in columns], free=range(len(columns)))
    else:
        echo(_cell(value))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
