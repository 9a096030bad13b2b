"""Workers of a task queue on Redis, which share a quota on the same Redis, on any number of hosts.

    taskiq worker examples.worker:broker --workers 2
    python -m examples.worker "The lift works again" 55743307 55743310

The first line starts workers, the second hands them a job for each id.
"""

import asyncio
import os
import sys

from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

from cliq_async import CliqClient

BOT = "supportbot"
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

# A job that was taken from the queue is not given out again: no message is sent twice.
# Waiting for one has no end, where redis-py would give up after 5 seconds and the worker die.
broker = ListQueueBroker(REDIS_URL, socket_timeout=None)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def start(state: TaskiqState) -> None:
    """One client for all jobs of a worker. A job has time, so it waits for as long as it takes."""
    client = CliqClient.from_env(quota=REDIS_URL, max_wait_s=None)
    state.cliq = await client.__aenter__()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def stop(state: TaskiqState) -> None:
    """Let go of it."""
    await state.cliq.close()


@broker.task("notify")  # by this name, whatever the module is called where jobs are handed out
async def notify(user_id: str, text: str) -> None:
    """Tell somebody something."""
    client: CliqClient = broker.state.cliq
    await client.with_options(lane="bulk").messages.send(BOT, text, user_ids=[user_id])


async def main(text: str, user_ids: list[str]) -> None:
    """Hand out the jobs."""
    await broker.startup()
    for user_id in user_ids:
        await notify.kiq(user_id, text)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
