"""A job that sends each person a personal text, and exits.

    python examples/cron_job.py reminders.csv

Each line of the file is an id and a text. You can start the job again at once, or while it still
runs: the quota outlives the process, and the client waits for it.
"""

import asyncio
import csv
import sys
from collections.abc import Iterable
from pathlib import Path

from cliq_async import CliqClient, CliqError

BOT = "supportbot"


async def remind(client: CliqClient, user_id: str, text: str) -> str | None:
    """Send one reminder. Return None, or a line that says what went wrong."""
    try:
        await client.messages.send(BOT, text, user_ids=[user_id])
    except CliqError as error:
        return f"{user_id}: {error}"
    return None


async def main(reminders: Iterable[tuple[str, str]]) -> int:
    """Send all reminders, however long that takes.

    Returns:
        The exit status.
    """
    async with CliqClient.from_env() as cliq:
        patient = cliq.with_options(lane="bulk", max_wait_s=None)
        results = await asyncio.gather(*(remind(patient, *each) for each in reminders))
    failures = [result for result in results if result is not None]
    print(f"{len(results) - len(failures)} sent, {len(failures)} not, or not for certain")
    print(*failures, sep="\n", end="", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    with Path(sys.argv[1]).open(newline="", encoding="utf-8") as file:
        lines = [(user_id, text) for user_id, text in csv.reader(file)]
    sys.exit(asyncio.run(main(lines)))
