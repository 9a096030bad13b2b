"""Options that several commands share, and helpers to define options."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import click
from click.core import ParameterSource

from cliq_async.cli.errors import describe_limit
from cliq_async.cli.help import ConnectionOption
from cliq_async.cli.inputs.bounded import STDIN, read_text
from cliq_async.cli.settings.connection import ConnectionOptions, DefaultFloat, ServerOptions
from cliq_async.cli.verbosity import verbose_option
from cliq_async.data_centers import DATA_CENTERS
from cliq_async.errors import ValidationError

__all__ = [
    "ConnectionOptions",
    "Option",
    "ServerOptions",
    "allow_unknown_option",
    "combine",
    "connection_options",
    "extension_key_option",
    "input_file",
    "journal_type",
    "json_option",
    "max_wait_option",
    "options_object",
    "repeated_values",
    "seconds",
    "server_options",
    "text_type",
    "to_option",
    "yes_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

seconds: Final = click.FloatRange(min=0)


class _JournalType(click.Path):
    """A journal: a file's path, or a URL, which stays a text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path or the URL."""
        if "://" not in str(value):
            return super().convert(value, param, ctx)
        from cliq_async.bulk.journal_store import parse_place  # noqa: PLC0415 - few commands need it

        try:
            parse_place(value)
        except ValidationError as error:
            self.fail(describe_limit(error), param, ctx)
        return str(value)


journal_type: Final = _JournalType(dir_okay=False, path_type=Path)


def _claim_stdin(param: click.Parameter | None, ctx: click.Context | None) -> None:
    """Refuse a second parameter that would read standard input."""
    if ctx is None or param is None:
        return
    name = param.get_error_hint(ctx)
    if (other := ctx.meta.setdefault(_STDIN_OF, name)) != name:
        raise click.UsageError(f"only one of {other} and {name} can read standard input")


class _InputFile(click.Path):
    """A file's path, or `-` for standard input, which only one parameter can read."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if str(value) == STDIN:
            _claim_stdin(param, ctx)
        return super().convert(value, param, ctx)


class _Text(click.types.StringParamType):
    """A text, or `-` for that of standard input, without its last line end."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        if value != STDIN or (ctx is not None and ctx.resilient_parsing):
            return str(value)
        _claim_stdin(param, ctx)
        return read_text(STDIN).removesuffix("\n").removesuffix("\r")


_STDIN_OF: Final = "cliq_async.stdin"
input_file: Final = _InputFile(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
text_type: Final = _Text()


def _mark_default(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    """Mark a value as a default, which `cliq.toml` may override, unless it was given."""
    is_given = ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    return value if is_given else DefaultFloat(value)


max_wait_option: Final = click.option(
    "--max-wait",
    type=seconds,
    default=75,
    show_default=True,
    callback=_mark_default,
    metavar="SECONDS",
    help="The longest wait for the quota; beyond that, exit 3.",
)
json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON."
)
yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
allow_unknown_option: Final = click.option(
    "--allow-unknown",
    is_flag=True,
    help="Send fields of the JSON file that are not documented as they are, at your own risk.",
)
extension_key_option: Final = click.option(
    "--extension-key", metavar="KEY", help="The key of the extension that the bot belongs to."
)


def combine(*options: Option) -> Option:
    """Combine several options into one decorator, in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def to_option(*, required: bool = False) -> Callable[[Command], Command]:
    """Add `--to`, which passes a list of ids to the command."""
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


def repeated_values(values: tuple[T, ...], no_option: str, *, none: bool) -> tuple[T, ...] | None:
    """Return the values of a repeatable option; None if neither it nor its opposite was given.

    Args:
        values: The values.
        no_option: The opposite option, which clears the values.
        none: True if the opposite option was given.

    Raises:
        UsageError: Both options were given.
    """
    if values and none:
        raise click.UsageError(f"give either {no_option} or values for it")
    return values if values or none else None


def _check_token(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    # The message must not contain the token, even if it is not valid.
    if value is not None and (not value or not value.isascii() or not value.isprintable()):
        raise click.BadParameter("an access token is printable ASCII")
    return value


_connection_option: Final = functools.partial(click.option, cls=ConnectionOption)
_SERVER: Final = (
    _connection_option(
        "--profile",
        metavar="NAME",
        help="A profile of `cliq auth login`, else CLIQ_PROFILE, else default.",
    ),
    _connection_option(
        "--base-url", metavar="URL", help="A server other than Zoho's, else CLIQ_BASE_URL."
    ),
    _connection_option(
        "--data-center",
        type=click.Choice(list(DATA_CENTERS)),
        help="The data center of the account, else CLIQ_DATA_CENTER.",
    ),
    _connection_option(
        "--account", metavar="NAME", help="Whose quota to use, else CLIQ_ACCOUNT, else the profile."
    ),
    _connection_option(
        "--quota",
        metavar="URL",
        help="Where the quota is kept: sqlite:///path, redis://host or memory://; else CLIQ_QUOTA, "
        "else a file of this user.",
    ),
    _connection_option(
        "--proxy",
        metavar="URL",
        help="An HTTP proxy, else CLIQ_PROXY, else HTTPS_PROXY and NO_PROXY.",
    ),
    _connection_option(
        "--time-scale",
        type=click.FloatRange(min=0, min_open=True),
        metavar="FACTOR",
        help="The time scale of the sandbox, else CLIQ_TIME_SCALE.",
    ),
)
_CONNECTION: Final = (
    _connection_option(
        "--token", callback=_check_token, help="An access token, else CLIQ_ACCESS_TOKEN."
    ),
    *_SERVER,
    _connection_option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=30,
        show_default=True,
        callback=_mark_default,
        help="The timeout of a request.",
    ),
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a server and a quota, which the command takes as `server`."""
    return options_object(verbose_option(command), _SERVER, "server", ServerOptions)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a connection, which the command takes as `connection`."""
    return options_object(verbose_option(command), _CONNECTION, "connection", ConnectionOptions)


def options_object(
    command: Callable[..., Any],
    options: Sequence[Option],
    name: str,
    cls: type[attrs.AttrsInstance],
) -> Callable[..., Any]:
    """Add options that the command takes as one object.

    Args:
        command: The command.
        options: The options.
        name: The command's parameter for the object.
        cls: The object's class, whose fields are the options.
    """
    names = [field.name for field in attrs.fields(cls)]

    @functools.wraps(command)
    def with_object(*args: Any, **given: Any) -> Any:
        fields = {field: given.pop(field) for field in names}
        return command(*args, **{name: cls(**fields)}, **given)

    return combine(*options)(with_object)
