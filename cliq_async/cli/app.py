"""The command group, and what holds for all commands: errors, log lines, the version."""

import io
import sys

import click

from cliq_async._version import __version__
from cliq_async.cli.commands.associate import associate
from cliq_async.cli.commands.auth import auth
from cliq_async.cli.commands.bots import bots
from cliq_async.cli.commands.broadcast import broadcast
from cliq_async.cli.commands.call import call
from cliq_async.cli.commands.call_many import call_many
from cliq_async.cli.commands.completion import completion
from cliq_async.cli.commands.config import config
from cliq_async.cli.commands.demo import demo
from cliq_async.cli.commands.doctor import doctor
from cliq_async.cli.commands.handlers import handlers
from cliq_async.cli.commands.incoming import incoming
from cliq_async.cli.commands.jobs import jobs
from cliq_async.cli.commands.quota import quota
from cliq_async.cli.commands.sandbox import sandbox
from cliq_async.cli.commands.send import send
from cliq_async.cli.commands.subscribers import subscribers
from cliq_async.cli.errors import INTERRUPTED, CliError, failure
from cliq_async.cli.options import Group, verbatim, verbose
from cliq_async.errors import CliqError

__all__ = ["cliq", "run"]


class Commands(Group):
    """A group whose commands end in a line and an exit status, never in a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            failed = error
        except CliqError as error:
            failed = failure(error)
        except BrokenPipeError:
            raise  # click ends quietly
        except OSError as error:
            failed = CliError(str(error))
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        click.echo(f"error: {failed}", err=True)
        raise click.exceptions.Exit(failed.status)


_EPILOG = verbatim(
    """
Credentials come from options, from the environment, or from `cliq auth login`:
  CLIQ_ACCESS_TOKEN, or CLIQ_CLIENT_ID, CLIQ_CLIENT_SECRET, CLIQ_REFRESH_TOKEN

Settings come from options, from the environment, or from cliq.toml; `cliq config` shows them:
  CLIQ_PROFILE, CLIQ_DATA_CENTER, CLIQ_BASE_URL, CLIQ_ACCOUNTS_URL, CLIQ_ACCOUNT, CLIQ_QUOTA,
  CLIQ_TIME_SCALE
""",
    """
Exit status:
  0    done
  1    failed
  2    wrong usage
  3    the quota would not allow it in time
  4    partly done, or sent and not answered
  130  interrupted
""",
    """
Shell completion, here for bash:
  eval "$(cliq completion bash)"
""",
)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="cliq")
@verbose
def cliq() -> None:
    """Zoho Cliq bots from the command line, never locked out."""


for _command in (
    demo,
    sandbox,
    auth,
    send,
    broadcast,
    incoming,
    call,
    call_many,
    bots,
    handlers,
    subscribers,
    associate,
    jobs,
    quota,
    config,
    doctor,
    completion,
):
    cliq.add_command(_command)


def run() -> int:
    """Run `cliq` with `sys.argv`, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Not every terminal has every character; none is a reason to fail.
            stream.reconfigure(errors="replace")
    cliq(prog_name="cliq")
    return 0
