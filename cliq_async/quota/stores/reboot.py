"""Since when the machine's clock counts: readings from before its last start mean nothing."""

import sys
from functools import cache
from pathlib import Path

import attrs

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota

__all__ = ["assume_spent", "boot_id", "clock_origin", "rebase"]

_LINUX = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """Names the machine's last start; empty where the system does not tell.

    Without it, a start is noticed by a clock that has gone back. That is enough: a reading is not
    reached before as much time has passed since the start as it says.
    """
    if sys.platform.startswith("linux"):
        try:
            return _LINUX.read_text(encoding="ascii").strip()
        except OSError:
            return ""
    return ""


def clock_origin(boot: str, now: float, before: str, read: float) -> float | None:
    """Since when the clock counts, if an earlier reading was of another one; None if it was not.

    It counts from the machine's start. A clock that goes back without one is that of a machine
    set back to an earlier state: what its readings so far meant is not known, so it begins now.

    Args:
        boot: The machine's start.
        now: The moment.
        before: The machine's start at the earlier reading.
        read: The earlier reading.
    """
    if boot == before and read <= now:
        return None
    return now if boot and boot == before else 0.0


def rebase(bucket: Bucket, quota: Quota, seen_at: float, began_at: float) -> Bucket:
    """A bucket whose times are of a clock before this one.

    Whatever was sent had left before this clock began, so all of it is spent for its full time
    from there on: all tokens, since the last writes before a power cut may be missing. Nobody
    knows how much time lies between the clocks: a lock goes on for what was left of it, and what
    was learned keeps its age.

    Args:
        bucket: As it was.
        quota: What it counts.
        seen_at: When it was last written, on the clock of before.
        began_at: The first moment of the clock of now; see `clock_began`.
    """
    learned, shift = bucket.adaptive, began_at - seen_at
    if learned is not None:
        learned = attrs.evolve(
            learned,
            ceiling_until=learned.ceiling_until + shift,
            grown_at=learned.grown_at + shift,
        )
    spent = [*bucket.returning, *bucket.held.values()]  # the holders are gone, too
    moved = Bucket(
        returning=[back_at for back_at in spent if back_at > seen_at],
        locked_until=bucket.locked_until + shift,
        reopening=bucket.reopening,
        opened_at=bucket.opened_at + shift,
        adaptive=learned,
    )
    return assume_spent(moved, quota, began_at)


def assume_spent(bucket: Bucket, quota: Quota, lost_at: float) -> Bucket:
    """A bucket of which nobody knows what was spent until some moment: all of it may have been.

    But for a quota that says how many of its tokens that is worth; more, if more are known to be.

    Tokens that are held go on: whoever holds one will say what became of it.
    """
    learned = bucket.adaptive
    margin_s = quota.margin_s if learned is None else learned.margin_s
    back_at = lost_at + quota.window_s + margin_s + quota.straggler_s
    held = len(bucket.held)
    known = held + sum(each > lost_at for each in bucket.returning)
    spent = min(quota.threshold, max(quota.assume_spent, known))
    return attrs.evolve(bucket, returning=[back_at] * max(0, spent - held))
