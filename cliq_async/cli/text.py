"""text."""

from typing import Final

__all__ = ["clean", "clean_lines", "duration", "plural"]


_LONGEST: Final = 400


_MINUTE: Final = 60


_SHORT_S: Final = 10.0


def clean(text: object, longest: int = _LONGEST) -> str:
    """Text from elsewhere as one line that can do nothing to a terminal."""
    line = "".join(char if char.isprintable() else " " for char in str(text))
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def clean_lines(text: str) -> str:
    """The same for text of several lines, which are kept, whatever their length."""
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)


def plural(number: int, noun: str) -> str:
    """A count and its noun: `1 request`, `2,000 requests`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Seconds for people: `3.2 s`, `45 s`, `3:05 min`, `1:02:03 h`."""
    if seconds < _SHORT_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
