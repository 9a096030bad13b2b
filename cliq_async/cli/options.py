"""Options that several commands share: which server, as whom, how much to say."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import attrs
import click
from click.core import ParameterSource

from cliq_async.cli.settings.connection import ConnectionOptions, DefaultFloat, ServerOptions
from cliq_async.cli.verbosity import verbose
from cliq_async.data_centers import DATA_CENTERS

__all__ = [
    "ConnectionOptions",
    "ServerOptions",
    "all_of",
    "as_json",
    "connection",
    "extension_key",
    "gathered",
    "max_wait",
    "recipients",
    "seconds",
    "server",
    "several",
    "yes",
]

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

seconds: Final = click.FloatRange(min=0)


def _said(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    """A number that `cliq.toml` may say, unless it was typed."""
    typed = ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    return value if typed else DefaultFloat(value)


max_wait: Final = click.option(
    "--max-wait",
    type=seconds,
    default=75.0,
    show_default=True,
    callback=_said,
    metavar="SECONDS",
    help="How long to wait for the quota; beyond that, exit 3.",
)
as_json: Final = click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
yes: Final = click.option("--yes", is_flag=True, help="Do not ask.")
extension_key: Final = click.option(
    "--extension-key", metavar="KEY", help="Of the extension that the bot belongs to."
)


def all_of(*options: Option) -> Option:
    """Add several options, in this order."""

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return added


def recipients(*, required: bool = False) -> Callable[[Command], Command]:
    """Add `--to`, which gives the command a list of ids."""
    return click.option(
        "--to",
        metavar="ID",
        multiple=True,
        required=required,
        callback=lambda _ctx, _parameter, values: [
            each.strip() for value in values for each in value.split(",")
        ],
        help="A ZUID or email address, or several: --to 1,2 --to 3",
    )


def several(given: tuple[T, ...], no_option: str, *, none: bool) -> tuple[T, ...] | None:
    """The values of an option that can be repeated; None if nothing was said about them.

    Args:
        given: The values.
        no_option: The option that says that there are none.
        none: Whether that was given.

    Raises:
        UsageError: Both were given.
    """
    if given and none:
        raise click.UsageError(f"{no_option} and values for it exclude each other")
    return given if given or none else None


def _token(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    # Never shown, not even when it is wrong.
    if value is not None and (not value or not value.isascii() or not value.isprintable()):
        raise click.BadParameter("an access token is printable ASCII")
    return value


_SERVER: Final = (
    click.option(
        "--profile",
        metavar="NAME",
        help="Of `cliq auth login`, else CLIQ_PROFILE, else default.",
    ),
    click.option("--base-url", metavar="URL", help="Another server, else CLIQ_BASE_URL."),
    click.option(
        "--data-center",
        type=click.Choice(list(DATA_CENTERS)),
        help="Where the account lives, else CLIQ_DATA_CENTER.",
    ),
    click.option(
        "--account", metavar="NAME", help="Whose quota it is, else CLIQ_ACCOUNT, else the profile."
    ),
    click.option(
        "--quota",
        metavar="URL",
        help="Where the quota is kept: sqlite:///path, redis://host or memory://; else CLIQ_QUOTA, "
        "else a file of this user's.",
    ),
    click.option(
        "--time-scale",
        type=click.FloatRange(min=0, min_open=True),
        metavar="FACTOR",
        help="That of the sandbox, else CLIQ_TIME_SCALE.",
    ),
)
_CONNECTION: Final = (
    click.option("--token", callback=_token, help="Access token, else CLIQ_ACCESS_TOKEN."),
    *_SERVER,
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=30.0,
        show_default=True,
        callback=_said,
        help="For one request.",
    ),
)


def server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a server and a quota; the command gets them as `server`."""
    return gathered(verbose(command), _SERVER, "server", ServerOptions)


def connection(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a connection; the command gets them as `connection`."""
    return gathered(verbose(command), _CONNECTION, "connection", ConnectionOptions)


def gathered(
    command: Callable[..., Any],
    options: Sequence[Option],
    name: str,
    made: type[attrs.AttrsInstance],
) -> Callable[..., Any]:
    """Add options that the command gets as one object.

    Args:
        command: The command.
        options: The options.
        name: The command's argument for the object.
        made: The object's class; its fields are those options.
    """
    names = [field.name for field in attrs.fields(made)]

    @functools.wraps(command)
    def with_object(*args: Any, **given: Any) -> Any:
        fields = {field: given.pop(field) for field in names}
        return command(*args, **{name: made(**fields)}, **given)

    return all_of(*options)(with_object)
