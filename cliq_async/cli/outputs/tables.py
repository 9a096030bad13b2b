"""Tables in the widest layout that fits, without a break in an id, a name or an endpoint.

On a terminal: with a box; or without; or without the columns that can be spared; or a block of
lines for each row. On any other stream a table is columns of text, whatever their width.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

__all__ = ["TableLayout", "text_width", "wrap"]

_GAP: Final = 2
_BOX_EDGE: Final = 4
_BOX_GAP: Final = 3
_INDENT: Final = 2
_WORD: Final = re.compile(r"\s*\S+")
_LEAST_FREE: Final = 16
"""The width of a column of free text below which another layout is easier to read."""


def text_width(text: str) -> int:
    """Return the number of columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - rarely needed

    return cell_len(text)


@attrs.frozen
class TableLayout:
    """A table.

    Attributes:
        rows: The cells.
        header: The names of the columns; none for a table of names and values.
        right: The indexes of the columns that are aligned to the right.
        free: The indexes of the columns of free text, which may wrap between words.
        spare: The indexes of the columns that are left out first.
    """

    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ()
    right: Sequence[int] = ()
    free: Sequence[int] = ()
    spare: Sequence[int] = ()

    def lines(self) -> Iterator[str]:
        """Yield the lines for a stream that is not a terminal."""
        columns = self._columns()
        widths = [self._natural_width(index) for index in columns]
        for row in [self.header, *self.rows] if self.header else self.rows:
            cells = [
                _pad(row[index], width, right=index in self.right)
                for index, width in zip(columns, widths, strict=True)
            ]
            yield (" " * _GAP).join(cells).rstrip()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Render the widest layout that fits."""
        from rich.text import Text  # noqa: PLC0415 - for terminals alone

        columns = self._columns()
        left = [index for index in columns if index not in self.spare]
        for chosen in [columns, left] if left != columns else [columns]:
            for boxed in (True, False):
                widths = self._widths(chosen, options.max_width, boxed=boxed)
                if widths is not None:
                    yield self._table(chosen, widths, boxed=boxed)
                    if chosen != columns:
                        names = ", ".join(self.header[index] for index in self.spare)
                        yield Text(f"too narrow for: {names}", style="dim")
                    return
        for style, line in self._blocks(columns, options.max_width):
            yield Text(line, style=style, no_wrap=True, overflow="ignore")

    def _columns(self) -> list[int]:
        """Return the indexes of the columns that are not empty."""
        count = len(self.header or self.rows[0])
        return [index for index in range(count) if any(row[index] for row in self.rows)]

    def _natural_width(self, index: int) -> int:
        return max(map(text_width, self._cells(index)))

    def _least_width(self, index: int) -> int:
        natural = self._natural_width(index)
        if index not in self.free:
            return natural
        words = (word for cell in self._cells(index) for word in cell.split())
        return min(natural, max(_LEAST_FREE, *map(text_width, words), 0))

    def _cells(self, index: int) -> list[str]:
        return [row[index] for row in self.rows] + ([self.header[index]] if self.header else [])

    def _widths(self, columns: Sequence[int], width: int, *, boxed: bool) -> list[int] | None:
        """Return the widths of the columns; None if they do not fit."""
        edge, gap = (_BOX_EDGE, _BOX_GAP) if boxed else (0, _GAP)
        widths = [self._least_width(index) for index in columns]
        left = width - edge - gap * (len(columns) - 1) - sum(widths)
        if left < 0:
            return None
        for place, index in enumerate(columns):
            more = min(left, self._natural_width(index) - widths[place])
            widths[place] += more
            left -= more
        return widths

    def _table(self, columns: Sequence[int], widths: Sequence[int], *, boxed: bool) -> "Table":
        from rich import box  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table(
            box=box.ROUNDED if boxed else None,
            show_header=bool(self.header),
            header_style="bold",
            pad_edge=boxed,
            padding=(0, 1) if boxed else (0, _GAP, 0, 0),
        )
        for index, width in zip(columns, widths, strict=True):
            table.add_column(
                self.header[index] if self.header else "",
                justify="right" if index in self.right else "left",
                width=width,
                no_wrap=index not in self.free,
                overflow="crop" if index not in self.free else "fold",
            )
        for row in self.rows:
            table.add_row(*(row[index] for index in columns))
        return table

    def _blocks(self, columns: Sequence[int], width: int) -> Iterator[tuple[str, str]]:
        """Yield lines, each with its style: a block for each row, or one for names and values."""
        if not self.header:
            fields = ((row[0], " ".join(filter(None, row[1:]))) for row in self.rows)
            yield from _block(fields, width)
            return
        for number, row in enumerate(self.rows):
            if number:
                yield "", ""
            yield from _block(((self.header[index], row[index]) for index in columns), width)


def _block(fields: Iterable[tuple[str, str]], width: int) -> Iterator[tuple[str, str]]:
    filled = [(name, value) for name, value in fields if value]
    indent = _GAP + max((text_width(name) for name, _ in filled), default=0)
    for name, value in filled:
        words = max(map(text_width, value.split()), default=0)
        if words <= width - indent:
            first, *more = wrap(value, width - indent)
            yield "", _pad(name, indent) + first
            yield from (("", " " * indent + line) for line in more)
        else:
            margin = " " * _INDENT if words <= width - _INDENT else ""
            yield "", name
            yield from (("", margin + line) for line in wrap(value, width - len(margin)))


def wrap(text: str, width: int, indent: int = 0) -> list[str]:
    """Break a text between words if it is too wide. A longer word has a line of its own.

    Args:
        text: The text.
        width: The width.
        indent: The indent of all lines but the first.
    """
    if text_width(text) <= width:
        return [text]
    lines = [""]
    for word in _WORD.findall(text):  # with the spaces before it
        if not lines[-1] or text_width(lines[-1]) + text_width(word) <= width:
            lines[-1] += word
        else:
            lines.append(" " * indent + word.lstrip())
    return lines


def _pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - text_width(text))
    return space + text if right else text + space
