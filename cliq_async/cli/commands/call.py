"""`cliq call`: a voice call."""

from collections.abc import Sequence
from pathlib import Path

import click

from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.inputs.json_file import naming_file, read_json
from cliq_async.cli.options import ConnectionOptions, as_json, connection, max_wait, recipients
from cliq_async.cli.outputs.console import echo, echo_err, echo_json
from cliq_async.cli.text import clean, plural, verbatim
from cliq_async.models.call import Call, CallAction
from cliq_async.models.parsing.call import actions_from

__all__ = ["call", "read_actions", "warn_missing"]


@click.command(
    short_help="Call up to 10 people and read a text to them.",
    epilog=verbatim(
        """
Examples:
  cliq call supportbot "The payment service is down" --to 55743307
  cliq call supportbot "Disk full on db-1" --to 55743307,ann@example.com --retry 2
  cliq call supportbot "Who can come?" --to 55743307 --actions actions.json
""",
        """
An actions file is a JSON array in the form of the API:
  [{"label": "On my way", "icon": "tick",
    "action": {"type": "invoke.function", "data": {"name": "acknowledge"}}}]
""",
    ),
)
@click.argument("bot")
@click.argument("text")
@recipients(required=True)
@click.option("--retry", type=click.IntRange(0, 3), help="How often to try again if missed.")
@click.option("--loop", type=click.IntRange(1, 3), help="How often the text is read.")
@click.option(
    "--actions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Up to 5 buttons under the call, as JSON.",
)
@max_wait
@as_json
@connection
def call(
    *,
    bot: str,
    text: str,
    to: list[str],
    retry: int | None,
    loop: int | None,
    actions: Path | None,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Have BOT call up to 10 people and read TEXT to them, whatever their Do Not Disturb says.

    BOT is its unique name. Calls have to be enabled for it.
    """
    with cli_field_names(text="TEXT", user_ids="--to", actions="--actions", bot_unique_name="BOT"):
        order = Call(
            text,
            user_ids=to,
            retry=retry,
            loop=loop,
            actions=() if actions is None else read_actions(actions),
        )
        receipt = connection.run(
            lambda client: client.calls.trigger(bot, order), max_wait_s=max_wait
        )
    called = receipt.user_ids
    warn_missing(called, to)
    if as_json:
        echo_json({"id": receipt.id, "user_ids": called})
        return
    echo(f"accepted: {clean(bot)} calls {plural(len(called), 'recipient')}")
    if receipt.id:
        echo(f"id {clean(receipt.id)}")


def read_actions(path: Path) -> list[CallAction]:
    """The actions in a JSON file.

    Raises:
        Failure: The file cannot be read, or they are not in the form of the API.
        ValidationError: A limit is broken.
    """
    data = read_json(path)
    with naming_file(path):
        return actions_from(data)


def warn_missing(reached: Sequence[str], meant: Sequence[str]) -> None:
    """A warning on stderr if Cliq names fewer people than it was given."""
    if len(reached) < (count := len(set(meant))):
        echo_err(f"warning: Cliq names only {len(reached):,} of {plural(count, 'recipient')}")
