"""`cliq bots apply`: make the bots those of `cliq.toml`."""

import click

from cliq_async.cli.bot_project import open_project
from cliq_async.cli.commands.bots_plan import plan_options, read_plan
from cliq_async.cli.errors import PARTLY, CliError, describe, exit_status_of
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    max_wait_option,
    yes_option,
)
from cliq_async.cli.outputs.bot_plan import plan_to_dict, print_plan, print_step
from cliq_async.cli.outputs.console import echo_err, echo_json
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import plural, verbatim
from cliq_async.client import CliqClient
from cliq_async.deploy.apply import apply_plan
from cliq_async.deploy.plan import BotPlan, Plan, Step
from cliq_async.errors import CliqError

__all__ = ["apply"]


@click.command(
    short_help="Make the bots those of cliq.toml.",
    epilog=verbatim(
        """
Examples:
  cliq bots apply
  cliq bots apply support --yes
  cliq bots apply --prune
"""
    ),
)
@plan_options
@yes_option
@max_wait_option
@json_option
@connection_options
def apply(
    *,
    keys: tuple[str, ...],
    prune: bool,
    yes: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Create and change bots and handlers, so that they are as in cliq.toml.

    Shows the plan and asks for confirmation unless --yes is given. Writes the ids of the bots to
    cliq.lock, which belongs next to cliq.toml in version control. After an interruption, run it
    again: the plan starts from what is in Cliq. Without KEY, all bots.
    """
    if not yes:
        require_terminal("apply")
    project = open_project(connection)
    bots = project.load(keys)
    project.lock.check_writable()
    planned, seconds = read_plan(project, bots, connection, max_wait, prune=prune)
    if not as_json:
        print_plan(planned, project.server, seconds)
    if planned.steps:
        if not yes:
            if as_json:
                print_plan(planned, project.server, seconds, err=True)
            confirm(f"Apply this to {project.server}?", "nothing was changed")
        progress = _Progress(planned, as_json=as_json)

        async def work(client: CliqClient) -> None:
            await apply_plan(client, planned, project.lock, on_step=progress.add)

        try:
            connection.run(work, max_wait_s=max_wait)
        except KeyboardInterrupt:
            echo_err(progress.summary())
            raise
        except CliqError as error:
            status = PARTLY if progress.done else exit_status_of(error)
            raise CliError(f"{describe(error)}; {progress.summary()}", status) from None
    if as_json:
        echo_json(plan_to_dict(planned, project.server, seconds))


class _Progress:
    """The steps done so far."""

    def __init__(self, plan: Plan, *, as_json: bool) -> None:
        self.done = 0
        self._total = len(plan.steps)
        self._as_json = as_json

    def add(self, bot: BotPlan, step: Step, remark: str) -> None:
        """Count a step, and print it."""
        self.done += 1
        print_step(bot, step, remark, err=self._as_json)

    def summary(self) -> str:
        """Say how far it came."""
        steps = plural(self._total, "step")
        return f"{self.done} of {steps} done: run `cliq bots apply` again for the rest"
