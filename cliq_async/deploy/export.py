"""Write bots that exist in the form that `cliq.toml` has: TOML that people keep, scripts as files.

Pure; no I/O.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from cliq_async.deploy.actual import ActualBot
from cliq_async.deploy.desired import FIELDS, MENU
from cliq_async.errors import ValidationError
from cliq_async.models.bot import Bot, BotChanges
from cliq_async.models.handler import HANDLER_TYPES, Handler, NewHandler, SubAction

__all__ = ["Export", "export_bot"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_UNSAFE: Final = re.compile(r"[^a-z0-9]+")
_LINE: Final = 88
"""The longest line on which a list stays."""


@attrs.frozen
class Export:
    """A bot in files.

    Attributes:
        toml: The bot's tables.
        files: The scripts, by their paths relative to `cliq.toml`.
        left_out: What `cliq.toml` cannot describe, and why.
    """

    toml: str
    files: Mapping[str, str]
    left_out: tuple[str, ...]


def export_bot(key: str, actual: ActualBot) -> Export:
    """Export a bot whose handlers have all been read.

    Args:
        key: The bot's key in `cliq.toml`.
        actual: The bot.
    """
    writer = _Writer(key, webhook=actual.bot.execution_type == "webhook")
    writer.add_bot(actual)
    return Export("\n".join(writer.lines) + "\n", writer.files, tuple(writer.left_out))


class _Writer:
    """The tables and files of one bot."""

    def __init__(self, key: str, *, webhook: bool) -> None:
        self._key = key
        self._webhook = webhook
        self._folder = _UNSAFE.sub("_", key.lower()).strip("_") or "bot"
        self.lines: list[str] = []
        self.files: dict[str, str] = {}
        self.left_out: list[str] = []

    def add_bot(self, actual: ActualBot) -> None:
        bot = actual.bot
        self.lines.append(f"[bots.{_key(self._key)}]")
        for name in FIELDS:
            if value := getattr(bot, name, None):
                self._add_field(name, value, bot)
        if self._webhook and not bot.execution_url:
            self._leave_out("execution_url", "Cliq does not show it: write it here")
        # A table's own keys come before its sub-tables, and a person looks for menus at the end.
        for handler in sorted(actual.handlers, key=lambda each: each.type == MENU):
            self._add_handler(handler)

    def _add_field(self, name: str, value: Any, bot: Bot) -> None:
        if name == "team_ids" and bot.scope != "team":
            return
        fields = {name: value}
        if bot.scope == "team" and name in ("scope", "team_ids"):  # valid only together
            fields = {"scope": bot.scope, "team_ids": bot.team_ids}
        try:
            BotChanges(**fields)
        except ValidationError as error:
            self._leave_out(name, error.limit)
            return
        if name == "execution_url":
            value = value.replace("${", "$${")
        self.lines.append(f"{name} = {_value(value)}")

    def _add_handler(self, handler: Handler) -> None:
        what = f"{handler.type} {handler.name}".strip()
        fields: dict[str, Any] = {}
        if handler.type == MENU:
            fields |= {"name": handler.name, "icon": handler.icon or None}
            fields["sub_actions"] = handler.sub_actions or None
        logic: dict[str, Any] = (
            {"permissions": handler.permissions} if self._webhook else {"script": handler.script}
        )
        if handler.type not in HANDLER_TYPES:
            self._leave_out(what, "this version does not know the type")
            return
        try:
            new = NewHandler(handler.type, **fields, **logic)  # type: ignore[arg-type]
        except ValidationError as error:
            self._leave_out(what, error.limit)
            return
        head = f"bots.{_key(self._key)}"
        menu = new.type == MENU
        self.lines += ["", f"[[{head}.menus]]" if menu else f"[{head}.handlers.{new.type}]"]
        self.lines += [f"{name} = {_value(v)}" for name, v in fields.items() if v is not None]
        if new.script is None:
            self.lines.append(f"permissions = {_value(new.permissions)}")
        else:
            stem = f"menu_{handler.name}" if menu else handler.type
            self.lines.append(f"script_file = {_value(self._add_file(stem, new.script))}")

    def _add_file(self, stem: str, script: str) -> str:
        stem = _UNSAFE.sub("_", stem.lower()).strip("_")
        number, path = 1, f"{self._folder}/{stem}.dg"
        while path in self.files:
            number += 1
            path = f"{self._folder}/{stem}_{number}.dg"
        self.files[path] = script
        return path

    def _leave_out(self, what: str, why: str) -> None:
        line = " ".join(f"{what}: {why}".split())
        self.left_out.append(line)
        printable = "".join(each if each.isprintable() else "?" for each in line)
        self.lines.append(f"# left out: {printable}")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    """Write a value as TOML."""
    match value:
        case str():
            return _text(value)
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case SubAction():
            pairs = {"name": value.name} | ({"icon": value.icon} if value.icon else {})
            inside = ", ".join(f"{name} = {_text(text)}" for name, text in pairs.items())
            return f"{{ {inside} }}"
    items = [_value(each) for each in value]
    line = f"[{', '.join(items)}]"
    if len(line) <= _LINE:
        return line
    return "\n".join(["[", *(f"    {item}," for item in items), "]"])


def _text(text: str) -> str:
    # JSON's escapes are TOML's, which also wants U+007F escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
