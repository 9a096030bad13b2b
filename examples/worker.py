"""Workers of a task queue on Redis that share a quota on the same Redis, on any number of hosts.

    taskiq worker examples.worker:broker --workers 2
    python -m examples.worker "The lift works again" 55743307 55743310

The first line starts workers, the second gives them a job for each id.
"""

import asyncio
import logging
import os
import sys

from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

from cliq_async import CliqClient

BOT = "supportbot"
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

# Python 3.14 on Linux starts processes by "forkserver". taskiq does not set up the log of such
# workers, so they would run without a word. Where the log is set up, this does nothing.
LOG_FORMAT = "[%(asctime)s][%(name)s][%(levelname)s][%(processName)s] %(message)s"
logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)

# The queue gives out each job once, so no message is sent twice. `socket_timeout=None` lets a
# worker wait for a job for as long as it takes; by default, redis-py would end it after 5 seconds.
broker = ListQueueBroker(REDIS_URL, socket_timeout=None)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start(state: TaskiqState) -> None:
    """Open one client for all jobs of a worker. A job may wait for as long as it takes."""
    client = CliqClient.from_env(quota=REDIS_URL, max_wait_s=None)
    state.cliq = await client.__aenter__()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def stop(state: TaskiqState) -> None:
    """Close the client."""
    await state.cliq.close()


@broker.task("notify")  # by this name, in whichever module a job is queued
async def notify(user_id: str, text: str) -> None:
    """Send a text to one person."""
    client: CliqClient = broker.state.cliq
    await client.with_options(lane="bulk").messages.send(BOT, text, user_ids=[user_id])


async def main(text: str, user_ids: list[str]) -> None:
    """Queue a job for each id."""
    await broker.startup()
    for user_id in user_ids:
        await notify.kiq(user_id, text)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
