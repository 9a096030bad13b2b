"""Text to print: one line of safe characters, cells, counts, durations, times, help paragraphs."""

import csv
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = [
    "REPORT_COLUMNS",
    "clean",
    "clean_lines",
    "csv_line",
    "duration",
    "guarded",
    "moment",
    "plural",
    "unguarded",
    "verbatim",
]

REPORT_COLUMNS: Final = ("id", "status", "code", "reason")
"""The columns of a report of a job, as `--report` and `cliq jobs show` write it."""

_LONGEST: Final = 400
_MINUTE: Final = 60
_SHORT_S: Final = 10.0
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""The first characters of cells that a spreadsheet does not take as text."""


def clean(text: object, longest: int = _LONGEST) -> str:
    """Reduce untrusted text to one line without control characters."""
    line = "".join(char if char.isprintable() else " " for char in str(text))
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def clean_lines(text: str) -> str:
    """Remove control characters from untrusted text, and keep its lines and its length."""
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)


class _Echo:
    """A file-like object that returns what csv writes."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


_writer: Final = csv.writer(_Echo())


def csv_line(cells: Iterable[object]) -> str:
    """Format cells as a line of CSV, without its end."""
    # With its default line end, the writer quotes both characters of it inside a cell.
    return str(_writer.writerow(cells)).removesuffix("\r\n")


def guarded(cell: str) -> str:
    """Return a cell so that a spreadsheet takes it as text, not as a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """Return the content of a cell that may have been guarded."""
    return cell.removeprefix("'")


def plural(number: int, noun: str) -> str:
    """Format a count with its noun: `1 request`, `2,000 requests`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Format seconds: `3.2 s`, `45 s`, `3:05 min`, `1:02:03 h`."""
    if seconds < _SHORT_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


_UNITS: Final = ((86_400, 2, "day"), (3_600, 2, "h"), (60, 1, "min"))
"""The units of rough durations, each with the number from which it is used."""


def moment(at: datetime, now: datetime | None = None) -> str:
    """Format a time as `17:05:00 (in 10 min)` or `2026-11-28 17:05 (3 h ago)`, in local time.

    Args:
        at: The time, with a time zone.
        now: The present, if it is not the present.
    """
    now = now or datetime.now(UTC)
    left_s = (at - now).total_seconds()
    if left_s > 0 and at.microsecond:  # what is waited for has happened by then
        at = at.replace(microsecond=0) + timedelta(seconds=1)
    local = at.astimezone()
    day = f"{local:%Y-%m-%d %H:%M}"
    shown = f"{local:%H:%M:%S}" if local.date() == now.astimezone().date() else day
    return f"{shown} (in {_about(left_s)})" if left_s > 0 else f"{shown} ({_about(-left_s)} ago)"


def _about(seconds: float) -> str:
    for size, least, unit in _UNITS:
        if seconds >= least * size:
            number = round(seconds / size)
            return plural(number, unit) if unit == "day" else f"{number} {unit}"
    return f"{math.ceil(seconds)} s"


def verbatim(*paragraphs: str) -> str:
    """Mark the paragraphs of a help text so that click keeps their lines as they are."""
    return "\n\n".join(f"\b\n{paragraph.strip()}" for paragraph in paragraphs)
