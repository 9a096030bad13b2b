"""Since when the machine's clock counts: readings from before its last start mean nothing."""

import sys
from functools import cache
from pathlib import Path

import attrs

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota

__all__ = ["boot_id", "rebooted"]

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


def rebooted(bucket: Bucket, quota: Quota, seen_at: float, now: float) -> Bucket:
    """A bucket after the machine was started anew: nobody knows how long it was off.

    Args:
        bucket: As it was.
        quota: What it counts.
        seen_at: When it was last written, on the clock of before.
        now: The moment, on the clock of now.

    Returns:
        Everything that was spent is spent for its full time again, a lock goes on for what was
        left of it, and what was learned keeps its age.
    """
    spent = len(bucket.held) + sum(back_at > seen_at for back_at in bucket.returning)
    learned, shift = bucket.learned, now - seen_at
    margin_s = quota.margin_s if learned is None else learned.margin_s
    back_at = now + quota.window_s + margin_s + quota.straggler_s
    if learned is not None:
        learned = attrs.evolve(
            learned,
            ceiling_until=learned.ceiling_until + shift,
            grown_at=learned.grown_at + shift,
        )
    return Bucket(
        returning=[back_at] * spent,
        locked_until=bucket.locked_until + shift,
        reopening=bucket.reopening,
        opened_at=bucket.opened_at + shift,
        learned=learned,
    )
