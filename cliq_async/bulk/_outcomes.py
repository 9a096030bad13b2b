"""What became of a job's recipients, read from its journal."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from cliq_async.bulk.report import Outcome

__all__ = ["JournalOutcomes", "read_outcomes"]


@attrs.frozen
class JournalOutcomes(Iterable[Outcome]):
    """What became of whom: read from the journal each time it is looked through.

    Attributes:
        path: The journal.
        delivered: Whether those who were delivered to are among them.
    """

    path: Path
    delivered: bool = False

    def __iter__(self) -> Iterator[Outcome]:
        # Imported in need: SQLite is not everybody's.
        from cliq_async.bulk.journal_file import KIND, outcomes_in  # noqa: PLC0415

        with KIND.explained(self.path):
            conn = KIND.read(self.path)
            try:
                yield from outcomes_in(conn, delivered=self.delivered)
            finally:
                conn.close()

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


def read_outcomes(path: str | os.PathLike[str], *, delivered: bool = False) -> Iterable[Outcome]:
    """What became of a job's recipients, whether it runs or not.

    Example:
        ```python
        for outcome in read_outcomes("news.journal"):
            print(outcome.status, outcome.code, outcome.reason, outcome.ids)
        ```

    Args:
        path: Its journal.
        delivered: Whether those who were delivered to are to be among them.

    Returns:
        Something to iterate over, as often as one likes; it reads the journal each time, and needs
        no memory.

    Raises:
        JournalError: There is no journal, or it cannot be read; when it is iterated over.
    """
    return JournalOutcomes(Path(path), delivered)
