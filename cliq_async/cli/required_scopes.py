"""The OAuth scopes that commands need."""

from collections.abc import Iterable, Mapping
from typing import Final

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import suggest

__all__ = ["ENDPOINTS_BY_COMMAND", "commands_needing", "parse_commands", "scopes_needed"]

ENDPOINTS_BY_COMMAND: Final[Mapping[str, tuple[str, ...]]] = {
    "send": ("send_message",),
    "broadcast": ("send_message",),
    "incoming": ("send_incoming_webhook",),
    "call": ("trigger_call",),
    "call-many": ("trigger_call",),
    "bots list": ("list_bots",),
    "bots get": ("get_bot",),
    "bots create": ("create_bot",),
    "bots update": ("get_bot", "update_bot"),
    "bots delete": ("get_bot", "delete_bot"),
    "bots plan": ("list_bots", "get_bot", "get_handler"),
    "bots apply": (
        *("list_bots", "get_bot", "get_handler", "create_bot", "update_bot"),
        *("create_handler", "update_handler", "delete_handler"),
    ),
    "bots pull": ("list_bots", "get_bot", "get_handler"),
    "handlers list": ("get_bot",),
    "handlers get": ("get_handler",),
    "handlers create": ("get_bot", "create_handler"),
    "handlers update": ("get_bot", "update_handler"),
    "handlers delete": ("get_bot", "delete_handler"),
    "functions list": ("list_functions",),
    "functions get": ("get_function",),
    "functions create": ("create_function",),
    "functions update": ("get_function", "update_function"),
    "functions delete": ("get_function", "delete_function"),
    "functions get-handler": ("get_function_handler",),
    "functions create-handler": ("get_function", "create_function_handler"),
    "functions update-handler": ("get_function", "update_function_handler"),
    "functions delete-handler": ("get_function", "delete_function_handler"),
    "subscribers list": ("list_subscribers",),
    "subscribers export": ("list_subscribers",),
    "subscribers sync": ("list_subscribers",),
    "associate": ("associate_channel",),
}
"""The endpoints that commands call; a command that is not listed calls none.

Commands that take ids also read the bot or the function, to look up a name.
"""


def scopes_needed(commands: Iterable[str] = ENDPOINTS_BY_COMMAND) -> list[str]:
    """Return the scopes that commands need, without duplicates."""
    endpoints = [name for command in commands for name in ENDPOINTS_BY_COMMAND[command]]
    return list(dict.fromkeys(scope for name in endpoints for scope in ENDPOINTS[name].scopes))


def commands_needing(scope: str) -> list[str]:
    """Return the commands that need a scope."""
    return [name for name in ENDPOINTS_BY_COMMAND if scope in scopes_needed([name])]


def parse_commands(words: Iterable[str]) -> list[str]:
    """Return the commands that words name.

    Args:
        words: Such as `send`, `bots get`, or `bots` for the whole group; none for all commands.

    Raises:
        CliError: A word does not name a command that needs a scope.
    """
    left = list(words)
    commands: list[str] = []
    while left:
        word = left.pop(0)
        word = word.removeprefix("cliq ").strip()
        if left and f"{word} {left[0]}" in ENDPOINTS_BY_COMMAND:
            word = f"{word} {left.pop(0)}"
        matches = [
            name for name in ENDPOINTS_BY_COMMAND if name == word or name.startswith(f"{word} ")
        ]
        if not matches:
            groups = [name.partition(" ")[0] for name in ENDPOINTS_BY_COMMAND]
            hint = suggest(word, groups)
            raise CliError(f"{word!r} is not a command that needs a scope; {hint}", USAGE)
        commands += matches
    return list(dict.fromkeys(commands)) or list(ENDPOINTS_BY_COMMAND)
