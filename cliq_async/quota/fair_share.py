"""Whose turn it is when batches of several processes wait for one bucket. Pure, like the bucket.

Whoever asks the fastest would get the most: a process whose event loop is busy, or whose host is
farther from the store, next to nothing. So each line is counted what it is given, and one that
was given more leaves as many tokens as that to those who wait and were given less. It takes them
all the same if they do not ask in time, and nothing is kept for who does not wait.

Who comes, or comes back, begins where the one is who was given least: what was given before
somebody else waited is no debt, and what was not asked for is no credit. (Start-time fair
queueing, with the count as the virtual time.)
"""

from typing import NamedTuple

from cliq_async.quota.model import QueueId

__all__ = ["Share", "tokens_owed"]


class Share(NamedTuple):
    """Where the line of a process stands among the others.

    Attributes:
        until: Until when it counts as waiting.
        many: How many wait in it.
        reserve: How many tokens they leave to others.
        given: How many tokens it was given.
    """

    until: float
    waiting: int
    reserve: int
    granted: int


def tokens_owed(
    turns: dict[QueueId, Share], asker: QueueId, now: float, reserve: int
) -> tuple[int, int]:
    """How many tokens a line was given, and how many it leaves to lines that were given fewer.

    Those who themselves leave more to others are left none: they could not take it. Forgets the
    lines that make no difference any more.

    Args:
        turns: All lines.
        asker: Whose turn it may be.
        now: The moment.
        reserve: How many tokens it leaves to others.
    """
    if len(turns) == 1 and asker in turns:
        return 0, 0
    waiting = {who: turn for who, turn in turns.items() if turn.waiting and turn.until > now}
    own = waiting.pop(asker, None)
    if not waiting:
        turns.clear()
        return 0, 0
    least = min(turn.granted for turn in waiting.values())
    for who, turn in list(turns.items()):
        if who not in waiting and turn is not own and turn.granted <= least:
            del turns[who]
    rivals = [turn for turn in waiting.values() if turn.reserve <= reserve]
    if own is not None:
        given = own.granted
    else:  # it comes, or comes back
        least = min((turn.granted for turn in rivals), default=least)
        given = max(turns[asker].granted, least) if asker in turns else least
    return given, sum(min(turn.waiting, max(0, given - turn.granted)) for turn in rivals)
