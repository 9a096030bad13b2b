"""`cliq bots plan`: show the changes that would make the bots those of `cliq.toml`."""

from typing import Final

import click

from cliq_async.cli.bot_project import Project, naming_toml, open_project, print_reading
from cliq_async.cli.errors import FAILED
from cliq_async.cli.options import (
    ConnectionOptions,
    combine,
    connection_options,
    json_option,
    max_wait_option,
)
from cliq_async.cli.outputs.bot_plan import plan_to_dict, print_plan
from cliq_async.cli.outputs.console import echo_json
from cliq_async.cli.text import verbatim
from cliq_async.client import CliqClient
from cliq_async.deploy.desired import DesiredBot
from cliq_async.deploy.plan import Plan
from cliq_async.deploy.planner import estimate_s, make_plan

__all__ = ["plan", "plan_options", "read_plan"]

plan_options: Final = combine(
    click.argument("keys", metavar="[KEY]...", nargs=-1),
    click.option(
        "--prune", is_flag=True, help="Delete handlers that cliq.toml does not name. Never bots."
    ),
)


@click.command(
    short_help="Show the changes that cliq.toml asks for.",
    epilog=verbatim(
        """
Examples:
  cliq bots plan
  cliq bots plan support --prune
  cliq bots plan --check
"""
    ),
)
@plan_options
@click.option("--check", is_flag=True, help="Exit 1 if there is something to change.")
@max_wait_option
@json_option
@connection_options
def plan(
    *,
    keys: tuple[str, ...],
    prune: bool,
    check: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Show what would be created, changed and removed, so that the bots are as in cliq.toml.

    Compares the bots in the current folder's cliq.toml with those in Cliq, field by field, and
    changes nothing. Without KEY, all its bots.
    """
    project = open_project(connection)
    planned, seconds = read_plan(project, project.load(keys), connection, max_wait, prune=prune)
    if as_json:
        echo_json(plan_to_dict(planned, project.server, seconds))
    else:
        print_plan(planned, project.server, seconds)
    if check and planned.steps:
        click.get_current_context().exit(FAILED)


def read_plan(
    project: Project,
    bots: list[DesiredBot],
    connection: ConnectionOptions,
    max_wait_s: float,
    *,
    prune: bool,
) -> tuple[Plan, float]:
    """Return the plan, and the shortest time in which the quota allows its steps."""

    async def work(client: CliqClient) -> tuple[Plan, float]:
        planned = await make_plan(client, bots, project.lock, prune=prune, on_reading=print_reading)
        return planned, await estimate_s(client, planned.requests())

    with naming_toml(project.path):
        return connection.run(work, max_wait_s=max_wait_s)
