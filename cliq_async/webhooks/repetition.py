"""Events that came before, and warnings that would come too often."""

import logging
from collections import OrderedDict
from collections.abc import Hashable
from hashlib import blake2b
from typing import Final

__all__ = ["RareLog", "SeenBodies"]

_log = logging.getLogger("cliq_async")

_MAX_SEEN: Final = 10_000
_DIGEST_BYTES: Final = 16
_QUIET_S: Final = 60.0


class SeenBodies:
    """The bodies of the last events, to recognize one that comes again.

    Args:
        keep_s: How long to remember a body, in seconds.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def has(self, digest: bytes, now: float) -> bool:
        """Return True if a body was added within the last `keep_s` seconds."""
        return self._until.get(digest, now) > now

    def add(self, digest: bytes, now: float) -> None:
        """Remember a body; forget the oldest ones."""
        self._until[digest] = now + self._keep_s
        self._until.move_to_end(digest)
        while len(self._until) > _MAX_SEEN or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)

    @staticmethod
    def digest(body: bytes) -> bytes:
        """Return the short form of a body by which it is remembered."""
        return blake2b(body, digest_size=_DIGEST_BYTES).digest()


class RareLog:
    """Warnings, each at most once a minute or once at all, so that senders cannot fill the log."""

    def __init__(self) -> None:
        self._next_at: dict[Hashable, float] = {}
        self._left_out: dict[Hashable, int] = {}

    def once(self, key: Hashable, message: str, *args: object) -> None:
        """Log a warning unless there was one with this key."""
        if key not in self._next_at and len(self._next_at) < _MAX_SEEN:
            self._next_at[key] = 0.0
            _log.warning(message, *args)

    def warn(self, key: Hashable, now: float, message: str, *args: object) -> None:
        """Log a warning unless there was one with this key in the last minute."""
        if now < self._next_at.get(key, now):
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return
        self._next_at[key] = now + _QUIET_S
        left_out = self._left_out.pop(key, 0)
        more = f" ({left_out} more like this since the last such message)" if left_out else ""
        _log.warning(message + "%s", *args, more)
