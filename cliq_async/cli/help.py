"""The help of commands: sections of options, at the width of the terminal."""

import re
import shutil
import sys
from collections.abc import Iterable
from typing import Final

import click

from cliq_async.cli.outputs.tables import wrap

__all__ = ["Command", "ConnectionOption", "HelpFormatter", "SectionedHelp", "option_record"]

_WIDEST: Final = 80
_MARGIN: Final = 2
_LEAST: Final = 20
_TWO_COLUMNS: Final = 60
"""The width below which an option's text stands below the option."""
_NUMBERS: Final = {"INTEGER RANGE": "N", "FLOAT RANGE": "N", "INTEGER": "N"}
_LOWER_BOUND: Final = re.compile(r"(; )?\bx>=?\d+")
_VERBATIM: Final = "\b\n"


class ConnectionOption(click.Option):
    """An option of the connection, which the help shows in a section of its own, at the end."""


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


class HelpFormatter(click.HelpFormatter):
    """Formats help for 80 columns, or for a terminal that has fewer."""

    def __init__(self) -> None:
        columns = _WIDEST
        if _is_terminal():
            columns = min(_WIDEST, shutil.get_terminal_size().columns)
        super().__init__(width=max(_LEAST, columns - _MARGIN))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms and their texts: side by side, or one below the other if it is narrow."""
        if self.width >= _TWO_COLUMNS:
            super().write_dl(list(rows), col_max, col_spacing)
            return
        for term, text in rows:
            self._write_lines(term.replace("|", " | ") if len(term) > self.width else term, hang=2)
            self.indent()
            self.indent()
            self._write_lines(text)
            self.dedent()
            self.dedent()

    def write_verbatim(self, paragraph: str) -> None:
        """Write a paragraph that keeps its lines, of which only commands may be too long."""
        examples = paragraph.startswith("Examples")
        for line in paragraph.splitlines():
            if line.startswith("  ") and (examples or "cliq " in line):
                self.write(f"{'':{self.current_indent}}{line}\n")
            else:
                self._write_lines(line, hang=len(line) - len(line.lstrip()))

    def _write_lines(self, text: str, *, hang: int = 0) -> None:
        for line in wrap(text, self.width - self.current_indent, hang):
            self.write(f"{'':{self.current_indent}}{line}\n")


def option_record(parameter: click.Parameter, ctx: click.Context) -> tuple[str, str] | None:
    """Return an option and its text; None for an argument. Shows defaults, and no lower bounds."""
    record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
    if record is None:
        return None
    term, text = record
    for name, short in _NUMBERS.items():
        term = term.replace(name, short)
    return term, _LOWER_BOUND.sub("", text).replace("  []", "")


class _Context(click.Context):
    """A context that formats help so."""

    def make_formatter(self) -> click.HelpFormatter:
        return HelpFormatter()


class SectionedHelp(click.Command):
    """A command whose help has the options of the connection at the end, before its examples."""

    context_class = _Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of options, and of a group its commands."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Connection options": []}
        for parameter in self.get_params(ctx):
            record = option_record(parameter, ctx)
            if record is not None:
                of_connection = isinstance(parameter, ConnectionOption)
                sections["Connection options" if of_connection else "Options"].append(record)
        for name, rows in sections.items():
            if name == "Connection options":
                self.format_commands(ctx, formatter)
            if rows:
                with formatter.section(name):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples and what else stands at the end."""
        for paragraph in (self.epilog or "").split("\n\n"):
            if paragraph and isinstance(formatter, HelpFormatter):
                formatter.write_paragraph()
                formatter.indent()
                formatter.write_verbatim(paragraph.removeprefix(_VERBATIM))
                formatter.dedent()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of a group, each with its whole short help."""
        if not isinstance(self, click.Group):
            return
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(n, c.get_short_help_str(200)) for n, c in commands if c])


class Command(SectionedHelp):
    """A command that is not a group."""
