"""Marks beside the buckets on a Redis server, by which a loss of its memory is noticed.

The mark names the memory that the bucket is in. A server that was restarted or promoted has
another memory, which may lack the last writes.
"""

import uuid
from typing import Final, NamedTuple

__all__ = ["Mark", "Seen", "check_mark"]

_SLACK_S: Final = 1.0
_SLACK_SHARE: Final = 0.001


class Mark(NamedTuple):
    """The mark of a bucket, which tells whose memory the bucket is in.

    Attributes:
        memory_id: That of the server: another one has started since, or has taken over.
        generation: The generation of the server's memory.
        before: The generation before, whose loss is accounted for.
    """

    memory_id: str = ""
    generation: str = ""
    before: str = ""

    @classmethod
    def decode(cls, data: bytes | None) -> "Mark":
        """Decode a stored mark; one that is missing or unreadable is empty."""
        parts = (data or b"").decode("ascii", "replace").split(" ")
        return cls(*parts) if len(parts) == len(cls._fields) else cls()


class Seen(NamedTuple):
    """The last this process has seen of a bucket.

    Attributes:
        generation: The generation of the server's memory.
        now: The server's clock.
        before: The client's clock before the server was asked.
    """

    generation: str
    now: float
    before: float

    def latest(self, now: float) -> float:
        """Return the latest that the server's clock can say, however it was set since."""
        elapsed_s = max(0.0, now - self.before)
        return self.now + elapsed_s * (1.0 + _SLACK_SHARE) + _SLACK_S


def check_mark(
    data: bytes | None, memory_id: str, seen: Seen | None
) -> tuple[bool, Mark | None, str]:
    """Compare a mark with the server and with what this process has seen.

    Returns:
        Whether memory was lost that is not accounted for yet, the mark to write if it is not
        this one, and the generation of the server's memory.
    """
    mark = Mark.decode(data)
    known = seen is None or seen.generation in {mark.generation, mark.before}
    if mark.memory_id == memory_id and known:
        return False, None, mark.generation
    lost = data is not None or seen is not None
    generation, before = mark.generation, mark.before
    if mark.memory_id != memory_id:
        generation, before = uuid.uuid4().hex, generation
    if seen is not None:
        before = seen.generation
    return lost, Mark(memory_id, generation, before), generation
