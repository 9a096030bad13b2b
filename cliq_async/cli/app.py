"""The `cliq` group: its commands, its help, and the errors that end a command."""

from typing import Any, Final

import click

from cliq_async._version import __version__
from cliq_async.cli.errors import INTERRUPTED, CliError, to_cli_error
from cliq_async.cli.group import LazyCommand, LazyGroup
from cliq_async.cli.outputs.streams import final_status, guard_streams
from cliq_async.cli.text import verbatim
from cliq_async.cli.usage import usage_errors
from cliq_async.cli.verbosity import verbose_option
from cliq_async.errors import CliqError

__all__ = ["cliq", "run"]


COMMANDS: Final = {
    "demo": LazyCommand(
        "cliq_async.cli.commands.demo:demo",
        "Message 20,000 subscribers, next to a plain limiter.",
    ),
    "init": LazyCommand(
        "cliq_async.cli.commands.init:init",
        "Write a new bot, its test and its settings into a folder.",
    ),
    "sandbox": LazyCommand(
        "cliq_async.cli.commands.sandbox:sandbox",
        "Run a local Cliq that counts and locks, and shows a page.",
    ),
    "user": LazyCommand(
        "cliq_async.cli.commands.user:user",
        "Act as a person in a running sandbox, and see the bot's answer.",
    ),
    "auth": LazyCommand(
        "cliq_async.cli.commands.auth:auth",
        "Log in, show the login, log out, and list scopes.",
    ),
    "send": LazyCommand(
        "cliq_async.cli.commands.send:send",
        "Send a message to people, a channel or all subscribers.",
    ),
    "broadcast": LazyCommand(
        "cliq_async.cli.commands.broadcast:broadcast",
        "Send a message to all recipients in a file.",
    ),
    "incoming": LazyCommand(
        "cliq_async.cli.commands.incoming:incoming",
        "Send parameters to a bot's incoming webhook handler.",
    ),
    "call": LazyCommand(
        "cliq_async.cli.commands.call:call",
        "Call up to 10 people and read a text to them.",
    ),
    "call-many": LazyCommand(
        "cliq_async.cli.commands.call_many:call_many",
        "Call all recipients in a file and read a text to them.",
    ),
    "bots": LazyCommand(
        "cliq_async.cli.commands.bots:bots",
        "List, show, create, change and delete bots.",
    ),
    "handlers": LazyCommand(
        "cliq_async.cli.commands.handlers:handlers",
        "List, show, create, change and delete the handlers of a bot.",
    ),
    "functions": LazyCommand(
        "cliq_async.cli.commands.functions:functions",
        "Manage the functions that buttons and forms run.",
    ),
    "subscribers": LazyCommand(
        "cliq_async.cli.commands.subscribers:subscribers",
        "List the subscribers of a bot, or write them to a file.",
    ),
    "associate": LazyCommand(
        "cliq_async.cli.commands.associate:associate",
        "Put a bot into a channel.",
    ),
    "jobs": LazyCommand(
        "cliq_async.cli.commands.jobs:jobs",
        "Show the journals of bulk jobs, running or not.",
    ),
    "quota": LazyCommand(
        "cliq_async.cli.commands.quota:quota",
        "Show what the quota allows, or clear it.",
    ),
    "config": LazyCommand(
        "cliq_async.cli.commands.config:config",
        "Show every setting and its origin.",
    ),
    "doctor": LazyCommand(
        "cliq_async.cli.commands.doctor:doctor",
        "Check settings, servers, token and quota.",
    ),
    "completion": LazyCommand(
        "cliq_async.cli.commands.completion:completion",
        "Print the completion script for a shell.",
    ),
}
"""The commands, in the order of their use; each help line equals the command's own."""


class Commands(LazyGroup):
    """A group whose commands end with an error line and an exit status, never with a traceback."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Parse the options before the command."""
        with usage_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            with usage_errors():
                return super().invoke(ctx)
        except CliError as error:
            failed = error
        except CliqError as error:
            failed = to_cli_error(error)
        except OSError as error:
            failed = CliError(str(error))
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        from cliq_async.cli.outputs.console import echo_err  # noqa: PLC0415 - late, for the start

        echo_err(f"error: {failed}")
        raise click.exceptions.Exit(failed.status)


_EPILOG = verbatim(
    """
Credentials come from options, the environment, or `cliq auth login`:
  CLIQ_ACCESS_TOKEN, or CLIQ_CLIENT_ID, CLIQ_CLIENT_SECRET and
  CLIQ_REFRESH_TOKEN, or CLIQ_ZAPIKEY
""",
    """
Settings come from options, the environment, or cliq.toml (`cliq config`):
  CLIQ_PROFILE, CLIQ_DATA_CENTER, CLIQ_BASE_URL, CLIQ_ACCOUNTS_URL,
  CLIQ_ACCOUNT, CLIQ_QUOTA, CLIQ_TIME_SCALE, CLIQ_PROXY
""",
    """
Exit status:
  0    done
  1    failed
  2    wrong usage
  3    the quota does not allow it in time
  4    partly done; or sent, not answered; or done, not all of it printed
  5    the journal is that of a finished job, so nothing was sent
  130  interrupted
""",
    """
Shell completion, here for bash:
  eval "$(cliq completion bash)"
""",
)


@click.group(
    cls=Commands,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="cliq")
@verbose_option
def cliq() -> None:
    """Zoho Cliq bots from the command line, never locked out."""


def run() -> int:
    """Run `cliq` with `sys.argv`, and return its exit status."""
    guard_streams()
    status = 0
    try:
        cliq(prog_name="cliq")
    except SystemExit as ended:
        status = int(ended.code or 0)
    return final_status(status)
