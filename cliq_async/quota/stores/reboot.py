"""Buckets after a reboot or a loss of data: the clock has restarted, and writes may be missing."""

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
    """Return a name for the machine's last start; empty where the system does not tell.

    Without it, a restart is noticed because the clock has gone back. That is enough: a reading is
    not reached before as much time has passed since the start as it says.
    """
    if sys.platform.startswith("linux"):
        try:
            return _LINUX.read_text(encoding="ascii").strip()
        except OSError:
            return ""
    return ""


def clock_origin(boot: str, now: float, before: str, read: float) -> float | None:
    """Return the first moment of the clock since its restart, or None if it has not restarted.

    The clock counts from the machine's start. If it goes back without one, the machine was set
    back to an earlier state (a virtual machine's snapshot). The meaning of the readings so far is
    then unknown, so the clock counts as restarted just now.

    Args:
        boot: The machine's start.
        now: The moment.
        before: The machine's start at an earlier reading.
        read: That reading.
    """
    if boot == before and read <= now:
        return None
    return now if boot and boot == before else 0.0


def rebase(bucket: Bucket, quota: Quota, seen_at: float, began_at: float) -> Bucket:
    """Return a bucket whose moments were those of the clock before its restart.

    All requests were sent before the clock restarted, so their tokens are spent for the full time
    from then on: all tokens, since the last writes before a power cut may be missing. The time
    between the two clocks is unknown, so a lock goes on for the time that was left of it, and an
    adaptive limit keeps its age.

    Args:
        bucket: The bucket as it was stored.
        quota: Its threshold.
        seen_at: The moment at which it was stored, on the clock before the restart.
        began_at: The first moment after the restart; see `clock_origin`.
    """
    adaptive, shift = bucket.adaptive, began_at - seen_at
    if adaptive is not None:
        adaptive = attrs.evolve(
            adaptive,
            ceiling_until=adaptive.ceiling_until + shift,
            grown_at=adaptive.grown_at + shift,
        )
    spent = [*bucket.returning, *bucket.held.values()]  # the holders are gone, too
    moved = Bucket(
        returning=[back_at for back_at in spent if back_at > seen_at],
        locked_until=bucket.locked_until + shift,
        reopening=bucket.reopening,
        opened_at=bucket.opened_at + shift,
        adaptive=adaptive,
    )
    return assume_spent(moved, quota, began_at)


def assume_spent(bucket: Bucket, quota: Quota, lost_at: float) -> Bucket:
    """Return a bucket with the tokens spent that may have been spent before a loss of data.

    That is all tokens, or as many as `Quota.assume_spent` says; more, if more are known to be
    spent. Tokens that are held stay held: their holders will end them.
    """
    adaptive = bucket.adaptive
    margin_s = quota.margin_s if adaptive is None else adaptive.margin_s
    back_at = lost_at + quota.window_s + margin_s + quota.straggler_s
    held = len(bucket.held)
    known = held + sum(each > lost_at for each in bucket.returning)
    spent = min(quota.threshold, max(quota.assume_spent, known))
    return attrs.evolve(bucket, returning=[back_at] * max(0, spent - held))
