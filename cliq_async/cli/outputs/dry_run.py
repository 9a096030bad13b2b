"""The output of `--dry-run`: the plan of a job, its duration and its first requests."""

import json
import math
from datetime import UTC, datetime, timedelta

from cliq_async.bulk.report import BroadcastPlan
from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.text import clean, clean_lines, moment, plural
from cliq_async.endpoints import Endpoint

__all__ = ["print_plan"]


def print_plan(
    plan: BroadcastPlan,
    *,
    source: str,
    bot: str,
    endpoint: Endpoint,
    left_s: float,
    headroom: int,
) -> None:
    """Print the number of requests and windows, the earliest finish, and the first requests.

    Args:
        plan: The plan of the job.
        source: The name of the recipients' source.
        bot: The bot's unique name.
        endpoint: The endpoint of the requests.
        left_s: The shortest time that the requests can take.
        headroom: The requests per window that are left to other callers.
    """
    echo(f"{plural(plan.recipients, 'recipient')} from {clean(source)}")
    if plan.skipped:
        echo_err(
            f"warning: {plan.skipped:,} more would be skipped: not valid, repeated or excluded"
        )
    limit = endpoint.limit
    windows = math.ceil(plan.requests / max(1, limit.threshold - headroom))
    echo(
        f"{plural(plan.requests, 'request')} in {plural(windows, 'window')} of {limit.window_s:g} s"
    )
    echo(f"earliest finish {moment(datetime.now(UTC) + timedelta(seconds=left_s))}")
    path = clean(endpoint.path.format(bot_unique_name=bot))
    for number, body in enumerate(plan.first, 1):
        echo()
        echo(f"request {number} of {plan.requests:,}: {endpoint.method} {path}")
        echo(clean_lines(json.dumps(body, ensure_ascii=False, indent=2)))
    echo_err("nothing was sent")
