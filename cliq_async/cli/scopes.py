"""`cliq auth scopes`: which scopes which commands need."""

from collections.abc import Iterable, Mapping
from typing import Final

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.endpoints import ENDPOINTS

__all__ = ["COMMANDS", "commands_named", "commands_of", "scopes_of"]

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "send": ("send_message",),
    "broadcast": ("send_message",),
    "incoming": ("send_incoming_webhook",),
    "call": ("trigger_call",),
    "call-many": ("trigger_call",),
    "bots list": ("list_bots",),
    "bots get": ("get_bot",),
    "bots create": ("create_bot",),
    "bots update": ("update_bot",),
    "bots delete": ("get_bot", "delete_bot"),
    "handlers list": ("get_bot",),
    "handlers get": ("get_handler",),
    "handlers create": ("create_handler",),
    "handlers update": ("update_handler",),
    "handlers delete": ("get_bot", "delete_handler"),
    "subscribers list": ("list_subscribers",),
    "subscribers export": ("list_subscribers",),
    "subscribers sync": ("list_subscribers",),
    "associate": ("associate_channel",),
}
"""The endpoints that the commands ask; the other commands ask none."""


def scopes_of(commands: Iterable[str] = COMMANDS) -> list[str]:
    """The scopes that commands need, each once."""
    endpoints = [name for command in commands for name in COMMANDS[command]]
    return list(dict.fromkeys(scope for name in endpoints for scope in ENDPOINTS[name].scopes))


def commands_of(scope: str) -> list[str]:
    """The commands that need a scope."""
    return [name for name in COMMANDS if scope in scopes_of([name])]


def commands_named(words: Iterable[str]) -> list[str]:
    """The commands that words name: `send`, `bots` for all of that group, `bots get`; none is all.

    Raises:
        Failure: A word names none.
    """
    left = list(words)
    found: list[str] = []
    while left:
        word = left.pop(0)
        word = word.removeprefix("cliq ").strip()
        if left and f"{word} {left[0]}" in COMMANDS:
            word = f"{word} {left.pop(0)}"
        named = [name for name in COMMANDS if name == word or name.startswith(f"{word} ")]
        if not named:
            known = ", ".join(dict.fromkeys(name.partition(" ")[0] for name in COMMANDS))
            raise CliError(f"{word!r}: no command that needs a scope; there are {known}", USAGE)
        found += named
    return list(dict.fromkeys(found)) or list(COMMANDS)
