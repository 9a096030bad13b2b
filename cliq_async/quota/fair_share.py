"""Fair sharing of one bucket between the batches of several processes. Pure, like the bucket.

Without it, the process that asks the fastest would get the most: one whose event loop is busy, or
whose host is farther from the store, gets next to nothing. So the bucket counts the tokens granted
to each queue, and a queue that was granted more leaves as many tokens as that to the waiting
queues that were granted fewer. It takes them all the same if those do not ask in time, and nothing
is kept for a queue that does not wait.

A queue that comes, or comes back, starts from the smallest count among the waiting queues:
tokens granted before others waited make no debt, and tokens not asked for make no credit.
(This is start-time fair queueing, with the count as the virtual time.)
"""

from typing import NamedTuple

from cliq_async.quota.model import QueueId

__all__ = ["Share", "tokens_owed"]


class Share(NamedTuple):
    """A queue of one process among those of the others.

    Attributes:
        until: The moment until which the queue counts as waiting.
        waiting: The number of callers in it.
        reserve: The number of tokens that they leave to others.
        granted: The number of tokens that the queue was granted.
    """

    until: float
    waiting: int
    reserve: int
    granted: int


def tokens_owed(
    shares: dict[QueueId, Share], queue_id: QueueId, now: float, reserve: int
) -> tuple[int, int]:
    """Return how many tokens a queue was granted, and how many it leaves to other queues.

    Queues with a larger reserve are owed none: they could not take them. Forgets the queues that
    make no difference any more.

    Args:
        shares: All queues.
        queue_id: The queue that asks.
        now: The moment.
        reserve: The number of tokens that it leaves to others.
    """
    if len(shares) == 1 and queue_id in shares:
        return 0, 0
    waiting = {each: share for each, share in shares.items() if share.waiting and share.until > now}
    own = waiting.pop(queue_id, None)
    if not waiting:
        shares.clear()
        return 0, 0
    least = min(share.granted for share in waiting.values())
    for each, share in list(shares.items()):
        if each not in waiting and share is not own and share.granted <= least:
            del shares[each]
    rivals = [share for share in waiting.values() if share.reserve <= reserve]
    if own is not None:
        granted = own.granted
    else:  # it comes, or comes back
        least = min((share.granted for share in rivals), default=least)
        granted = max(shares[queue_id].granted, least) if queue_id in shares else least
    owed = sum(min(share.waiting, max(0, granted - share.granted)) for share in rivals)
    return granted, owed
