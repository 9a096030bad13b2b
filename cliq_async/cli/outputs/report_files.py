"""The files that `--report` writes: who got the message, who did not and why, who is left."""

from collections.abc import Callable, Iterable, Iterator
from os.path import realpath
from pathlib import Path
from typing import Any, BinaryIO, Final

import attrs
import click

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.outputs.job_ledger import JobLedger
from cliq_async.cli.text import REPORT_COLUMNS, csv_line, guarded
from cliq_async.storage.atomic import ensure_writable, replace_atomic

__all__ = ["ReportFiles", "is_csv", "report_type"]

_CSV: Final = ".csv"
_HTML: Final = frozenset({".html", ".htm"})


def is_csv(path: Path) -> bool:
    """Return whether a report is written as CSV."""
    return path.suffix.lower() == _CSV


class _ReportType(click.Path):
    """The path of a report, whose extension says its form."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(str(super().convert(value, param, ctx)))
        if not is_csv(path) and path.suffix.lower() not in _HTML:
            self.fail(f"{str(path)!r} ends in neither .html nor .csv", param, ctx)
        return path


report_type: Final = _ReportType(dir_okay=False, path_type=Path)


@attrs.frozen
class ReportFiles:
    """The files of one report.

    Attributes:
        paths: The files. Those that exist are replaced, unless they change before that.
    """

    paths: tuple[Path, ...]
    _found: dict[Path, object] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._found.update((each, _version(each)) for each in self.paths)

    def check(self, others: Iterable[object]) -> None:
        """Check before the job begins that the files can be written, without changing them.

        Args:
            others: The files that the job reads or writes.

        Raises:
            CliError: A file cannot be written, is one of the others, or is named twice.
        """
        taken = {realpath(str(each)) for each in others if each is not None}
        for path in self.paths:
            if realpath(path) in taken:
                raise CliError(f"{path}: the job needs this file: name another report", USAGE)
            try:
                if path.exists() and not path.is_file():
                    raise CliError(f"{path}: not a file: name another report", USAGE)
                ensure_writable(path)
            except OSError as error:
                message = f"{path}: the report cannot be written: {error.strerror}"
                raise CliError(message, USAGE) from None
            taken.add(realpath(path))

    def write(self, ledger: JobLedger, render: Callable[[JobLedger], Iterable[str]]) -> list[Path]:
        """Write the files. A failure is a line on stderr, since the job is done.

        Args:
            ledger: The recipients with their outcomes.
            render: Renders the HTML.

        Returns:
            The files that are written.
        """
        written: list[Path] = []
        for path in self.paths:
            try:
                self._check_unchanged(path)
                with replace_atomic(path) as file:
                    _write(file, _csv_lines(ledger) if is_csv(path) else render(ledger))
            except OSError as error:
                reason = error.strerror or error
                echo_err(f"error: {path}: the report could not be written: {reason}")
            else:
                written.append(path)
                echo_err(f"report written to {path}")
        return written

    def _check_unchanged(self, path: Path) -> None:
        if _version(path) != self._found[path]:
            raise OSError("another program has written this file since the job began")


def _version(path: Path) -> object:
    """Return what changes with a file; None without one."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _write(file: BinaryIO, texts: Iterable[str]) -> None:
    file.writelines(each.encode("utf-8", "replace") for each in texts)


def _csv_lines(ledger: JobLedger) -> Iterator[str]:
    yield "\ufeff" + csv_line(REPORT_COLUMNS) + "\n"  # Excel takes it for UTF-8 by the mark
    for recipient, status, code, reason in ledger.rows():
        cells = (recipient, status, code, " ".join(reason.split()))
        yield csv_line(map(guarded, cells)) + "\n"
