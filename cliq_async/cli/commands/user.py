"""`cliq user`: act as a person in a running sandbox, and see the bot's answer."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import click

from cliq_async.cli.errors import FAILED, USAGE, CliError, in_cli_words
from cliq_async.cli.group import Group
from cliq_async.cli.options import combine, json_option, text_type
from cliq_async.cli.outputs.chat_items import print_items
from cliq_async.cli.outputs.console import echo, echo_err, echo_json
from cliq_async.cli.settings.resolution import resolve
from cliq_async.cli.text import clean, duration, verbatim
from cliq_async.cli.verbosity import verbose_option
from cliq_async.data_centers import is_zoho, normalize_host
from cliq_async.transport.aiohttp import reason_of

__all__ = ["user"]

_SANDBOX: Final = "http://127.0.0.1:8080"
_OK: Final = 300
_FAILED: Final = 500

_common: Final = combine(
    click.option(
        "--as",
        "person",
        metavar="ID",
        help="The person, a ZUID or email address; else the bot's first subscriber.",
    ),
    click.option(
        "--base-url",
        metavar="URL",
        help=f"The sandbox, else CLIQ_BASE_URL, else {_SANDBOX}.",
    ),
    json_option,
    verbose_option,
)


@click.group(cls=Group)
def user() -> None:
    """Act as a person in a running sandbox, and see the bot's answer.

    Only a sandbox takes this: Zoho's own servers are refused.
    """


def _command(*examples: str) -> Callable[[Callable[..., None]], click.Command]:
    """Add a function to the group as a command, with the common options and examples."""

    def decorate(function: Callable[..., None]) -> click.Command:
        lines = "".join(f"\n  cliq user {each}" for each in examples)
        command = click.command(epilog=verbatim(f"Examples:{lines}"))(_common(function))
        user.add_command(command)
        return command

    return decorate


@_command('say supportbot "hi"', 'say supportbot "hi" --as 55743307')
@click.argument("bot")
@click.argument("text", type=text_type)
def say(*, bot: str, text: str, **options: Any) -> None:
    """Write TEXT to BOT, or answer the question that it asks."""
    _act("say", {"bot": bot, "text": text}, **options)


@_command('choose supportbot "Raise ticket"')
@click.argument("bot")
@click.argument("action")
@click.option("--sub-action", metavar="NAME", help="The entry of the action to choose.")
def choose(*, bot: str, action: str, sub_action: str | None, **options: Any) -> None:
    """Choose ACTION from the menu of BOT."""
    _act("choose", {"bot": bot, "action": action, "sub_action": sub_action}, **options)


@_command("press supportbot Yes")
@click.argument("bot")
@click.argument("label")
@click.option(
    "--message", "message_id", metavar="ID", help="The message; else the last one with LABEL."
)
def press(*, bot: str, label: str, message_id: str | None, **options: Any) -> None:
    """Press the button or suggestion LABEL of a message of BOT."""
    _act("press", {"bot": bot, "label": label, "message_id": message_id}, **options)


@_command("subscribe supportbot --as 1234")
@click.argument("bot")
def subscribe(*, bot: str, person: str | None, **options: Any) -> None:
    """Subscribe to BOT; a new ZUID is a new person."""
    if person is None:
        raise click.UsageError("give the person who subscribes with --as")
    _act("subscribe", {"bot": bot}, person=person, **options)


@_command("unsubscribe supportbot --as 1234")
@click.argument("bot")
def unsubscribe(*, bot: str, **options: Any) -> None:
    """Unsubscribe from BOT."""
    _act("unsubscribe", {"bot": bot}, **options)


@_command('mention supportbot "what is new?" --channel announcements')
@click.argument("bot")
@click.argument("text", type=text_type)
@click.option("--channel", required=True, metavar="NAME", help="The channel's unique name.")
def mention(*, bot: str, text: str, channel: str, **options: Any) -> None:
    """Write TEXT in a channel and mention BOT."""
    _act("mention", {"bot": bot, "text": text, "channel": channel}, **options)


@_command('write announcements "what is new?"')
@click.argument("channel")
@click.argument("text", type=text_type)
def write(*, channel: str, text: str, **options: Any) -> None:
    """Write TEXT in CHANNEL, where bots may listen."""
    _act("write", {"channel": channel, "text": text}, **options)


@_command("add supportbot general")
@click.argument("bot")
@click.argument("channel")
def add(*, bot: str, channel: str, **options: Any) -> None:
    """Add BOT to CHANNEL."""
    _act("add", {"bot": bot, "channel": channel}, **options)


@_command("remove supportbot general")
@click.argument("bot")
@click.argument("channel")
def remove(*, bot: str, channel: str, **options: Any) -> None:
    """Remove BOT from CHANNEL."""
    _act("remove", {"bot": bot, "channel": channel}, **options)


@_command("answer supportbot", "answer supportbot --decline", 'answer supportbot "next Monday"')
@click.argument("bot")
@click.argument("text", required=False, type=text_type)
@click.option("--decline", is_flag=True, help="Decline the call instead.")
def answer(*, bot: str, text: str | None, decline: bool, **options: Any) -> None:
    """Answer the question of BOT with TEXT; without it, its call."""
    if text is not None and decline:
        raise click.UsageError("give either TEXT or --decline")
    _act("answer", {"bot": bot, "text": text, "decline": decline or None}, **options)


def _act(
    name: str,
    form: dict[str, Any],
    *,
    person: str | None,
    base_url: str | None,
    as_json: bool,
) -> None:
    """Perform an act in the sandbox and print its result.

    Raises:
        CliError: The server is Zoho's, does not respond or refuses the act; or the bot has failed.
    """
    url = _sandbox_url(base_url)
    body = {key: value for key, value in (form | {"user": person}).items() if value is not None}
    result = asyncio.run(_post(f"{url}/sandbox/{name}", body))
    if as_json:
        echo_json(result)
    else:
        print_items(result["items"])
    failed = False
    for delivery in result["deliveries"]:
        failed |= delivery["error"] is not None
        if not as_json:
            echo_err(_summary(delivery))
    if not result["deliveries"] and not as_json:
        echo("done")
    click.get_current_context().exit(FAILED if failed else 0)


def _summary(delivery: dict[str, Any]) -> str:
    bot = clean(delivery["bot"])
    if delivery["skipped"] is not None:
        return f"no event: {clean(delivery['skipped'])}"
    if delivery["error"] is not None:
        log = "; see the bot's log" if (delivery["status"] or 0) >= _FAILED else ""
        return f"error: {bot}: {clean(delivery['error'])}{log}"
    time = duration(delivery["took_s"])
    if delivery["answer"] is None:
        return (
            f"{bot} has no answer to {delivery['handler']}, after {time}; if it should have one, "
            "see the bot's log: a handler that fails answers nothing"
        )
    return f"{bot} answered in {time}" + (", by the response_url" if delivery["late"] else "")


def _sandbox_url(given: str | None) -> str:
    url = str(resolve({"base_url": given}, environ=os.environ).options().get("base_url", _SANDBOX))
    host = normalize_host("--base-url", url)
    if is_zoho(host):
        raise CliError(f"{host} is Zoho's: `cliq user` acts in a sandbox only", USAGE)
    return url.rstrip("/")


async def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body, allow_redirects=False) as response,
        ):
            answer = await response.json()
            status = response.status
    except aiohttp.ClientConnectorError as error:
        raise CliError(in_cli_words(reason_of(error))) from None
    except (OSError, aiohttp.ClientError, ValueError) as error:
        raise CliError(f"no sandbox responds at {url}: {reason_of(error)}") from None
    if not isinstance(answer, dict) or status >= _OK or "deliveries" not in answer:
        text = answer.get("message") if isinstance(answer, dict) else None
        reason = text.removesuffix(".") if isinstance(text, str) else f"status {status}"
        raise CliError(f"the sandbox refuses: {reason}")
    return answer
