"""Takes tokens and gives them back, one after the other: one process of those of stores.py.

Each line of its input is a store's URL, how many, and when to begin; each line of its output is
what each of them took, in seconds, as JSON.
"""

import asyncio
import json
import logging
import sys
import time
from itertools import count

from cliq_async.endpoints import Limit
from cliq_async.quota.model import Denied, Quota, TokenOutcome
from cliq_async.quota.stores.registry import open_store

# As full as a bucket in use: what is back is forgotten when all 50 are gone.
_QUOTA = Quota.of("send_message", Limit(50, 1e-5), host="h", margin_s=0.0)


async def main() -> None:
    """Work until the input ends."""
    logging.disable(logging.WARNING)  # that the Redis keeps nothing on disk is meant
    numbers = count(1)
    print("ready", flush=True)
    for line in sys.stdin:
        url, number, begin_at = line.split()
        store = open_store(url)
        await store.snapshots([_QUOTA])  # opens it
        await asyncio.sleep(float(begin_at) - time.monotonic())
        took = []
        for token in (next(numbers) for _ in range(int(number))):
            began = time.perf_counter()
            got = await store.take(_QUOTA, token, lease_s=60.0)
            store.end(_QUOTA, token, TokenOutcome.ANSWERED)
            took.append(time.perf_counter() - began)
            assert not isinstance(got, Denied)
        await store.close()
        print(json.dumps(took), flush=True)


asyncio.run(main())
