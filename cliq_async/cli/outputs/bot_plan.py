"""Plans of bots, field by field: as text of at most 80 columns, and as JSON."""

import difflib
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.text import clean, clean_lines, duration, plural
from cliq_async.deploy.plan import (
    AdoptBot,
    BotPlan,
    Change,
    CreateBot,
    CreateHandler,
    DeleteHandler,
    Plan,
    Step,
    UpdateBot,
    UpdateHandler,
)
from cliq_async.models.handler import Handler, NewHandler, SubAction
from cliq_async.models.serialization import unstructure

__all__ = ["plan_lines", "plan_to_dict", "print_plan", "print_step"]

_WIDTH: Final = 80
_INDENT: Final = 29
"""The column of values: that of the longest type of handler, and a space."""
_MAX_DIFF: Final = 40
_SIGNS: Final = {
    CreateBot: "+",
    UpdateBot: "~",
    CreateHandler: "+",
    UpdateHandler: "~",
    DeleteHandler: "-",
}
_WORDS: Final = {
    "create_bot": "created",
    "adopt_bot": "adopted",
    "update_bot": "changed",
    "create_handler": "created",
    "update_handler": "changed",
    "delete_handler": "deleted",
}


def print_plan(plan: Plan, server: str, seconds: float, *, err: bool = False) -> None:
    """Print a plan.

    Args:
        plan: The plan.
        server: The server's base URL.
        seconds: The shortest time in which the quota allows its steps.
        err: True to print on stderr.
    """
    for line in plan_lines(plan, server, seconds):
        (echo_err if err else echo)(line)


def plan_lines(plan: Plan, server: str, seconds: float) -> Iterator[str]:
    """Yield the lines of a plan. See `print_plan`."""
    for bot in plan.bots:
        yield from _bot_lines(bot)
        yield ""
    summary = _summary(plan, server, seconds)
    yield from textwrap.wrap(summary, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def print_step(bot: BotPlan, step: Step, remark: str, *, err: bool = False) -> None:
    """Print a step that was carried out."""
    handler = _handler_of(step)
    what = f"{clean(bot.key)}: {_handler_name(handler)}" if handler else clean(bot.key)
    line = f"{_WORDS[step.action]}  {what}" + (f" ({clean(remark)})" if remark else "")
    (echo_err if err else echo)(line)


def plan_to_dict(plan: Plan, server: str, seconds: float) -> dict[str, Any]:
    """Convert a plan to a dict for JSON."""
    return {
        "server": server,
        "requests": sum(plan.requests().values()),
        "seconds": round(seconds, 1),
        "bots": [_bot_to_dict(bot) for bot in plan.bots],
    }


def _bot_to_dict(bot: BotPlan) -> dict[str, Any]:
    actual = None if bot.actual is None else bot.actual.bot
    return {
        "key": bot.key,
        "id": actual and actual.id,
        "unique_name": actual and actual.unique_name,
        "steps": [_step_to_dict(step) for step in bot.steps],
        "kept": [_handler_to_dict(handler) for handler in bot.kept],
    }


def _step_to_dict(step: Step) -> dict[str, Any]:
    handler = _handler_of(step)
    return {
        "action": step.action,
        "handler": None if handler is None else _handler_to_dict(handler),
        "changes": [
            {
                "field": change.field,
                "before": unstructure(change.before),
                "after": unstructure(change.after),
            }
            for change in step.changes
            if change.field != "image"
        ]
        + [{"field": "image"} for change in step.changes if change.field == "image"],
    }


def _handler_to_dict(handler: Handler | NewHandler) -> dict[str, Any]:
    return {"type": handler.type, "name": handler.name or None}


def _summary(plan: Plan, server: str, seconds: float) -> str:
    if not plan.steps:
        return f"no changes at {clean(server)}"
    steps = plan.steps
    parts = [
        f"{count} to {verb}"
        for verb in ("create", "adopt", "update", "delete")
        if (count := sum(step.action.startswith(verb) for step in steps))
    ]
    requests = sum(plan.requests().values())
    time = f", at least {duration(seconds)}" if seconds else ""
    what = plural(len(steps), "step")
    return f"{what} at {clean(server)}: {', '.join(parts)}; {plural(requests, 'request')}{time}"


def _bot_lines(bot: BotPlan) -> Iterator[str]:
    head = clean(bot.key)
    if bot.actual is not None:
        head += f" ({clean(bot.actual.bot.unique_name)}, {clean(bot.actual.bot.id)})"
    if bot.actual is None:
        yield f"{head}: a new bot"
    elif not bot.steps:
        yield f"{head}: no changes"
    elif isinstance(bot.steps[0], AdoptBot):
        yield f"{head}: to adopt, since it has this name"
    else:
        yield f"{head}:"
    for step in bot.steps:
        yield from _step_lines(step)
    for handler in bot.kept:
        yield f"    {_handler_name(handler)}: not in cliq.toml; --prune deletes it"


def _step_lines(step: Step) -> Iterator[str]:
    if isinstance(step, AdoptBot):
        return
    sign, handler = _SIGNS[type(step)], _handler_of(step)
    if handler is None:
        for change in step.changes:
            yield from _change_lines(f"  {sign} {change.field}", change, new=_is_new(step))
        return
    name = f"  {sign} {_handler_name(handler)}"
    if not step.changes:
        yield name
    for change in step.changes:
        yield from _change_lines(name, change, new=_is_new(step), prefix=f"{change.field}: ")
        name = ""


def _change_lines(label: str, change: Change, *, new: bool, prefix: str = "") -> Iterator[str]:
    if change.field == "script":
        yield from _script_lines(label, change, new=new)
        return
    before, after = _format(change.before), _format(change.after)
    texts = [prefix + after] if new else [prefix + before, "-> " + after]
    if len(before) + len(after) + len(prefix) < _WIDTH - _INDENT - len(" -> ") and not new:
        texts = [f"{prefix}{before} -> {after}"]
    for text in texts:
        for line in _wrap(text):
            yield f"{label:<{_INDENT - 1}} {line}" if label else " " * _INDENT + line
            label = ""


def _script_lines(label: str, change: Change, *, new: bool) -> Iterator[str]:
    before = clean_lines(change.before or "").splitlines()
    after = clean_lines(change.after).splitlines()
    head = f"{label:<{_INDENT - 1}} " if label else " " * _INDENT
    if new:
        yield f"{head}script: {plural(len(after), 'line')}"
        return
    diff = [
        line
        for line in difflib.unified_diff(before, after, lineterm="", n=1)
        if not line.startswith(("---", "+++", "@@"))
    ]
    added = sum(line.startswith("+") for line in diff)
    removed = sum(line.startswith("-") for line in diff)
    yield f"{head}script: {plural(added, 'line')} added, {removed:,} removed"
    for line in diff[:_MAX_DIFF]:
        cut = line.expandtabs(4)
        yield "      " + (cut if len(cut) <= _WIDTH - 6 else cut[: _WIDTH - 7] + "…")
    if len(diff) > _MAX_DIFF:
        yield f"      … {plural(len(diff) - _MAX_DIFF, 'more line')}"


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH - _INDENT, subsequent_indent="  ") or [text]


def _format(value: Any) -> str:
    match value:
        case None:
            return "(not set)"
        case SubAction():
            return f"{value.name} ({value.icon})" if value.icon else value.name
        case tuple() | list():
            return clean(", ".join(map(_format, value)), 2000) or "(none)"
    return clean(value, 2000)


def _handler_of(step: Step) -> Handler | NewHandler | None:
    match step:
        case CreateHandler():
            return step.new
        case UpdateHandler() | DeleteHandler():
            return step.handler
    return None


def _handler_name(handler: Handler | NewHandler) -> str:
    if handler.type == "menu_handler":
        return f'menu "{clean(handler.name)}"'
    return clean(handler.type)


def _is_new(step: Step) -> bool:
    return isinstance(step, CreateBot | CreateHandler)
