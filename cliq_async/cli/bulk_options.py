"""The options of commands for many recipients."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import click

from cliq_async.bulk.recipients import normalize_excluded
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.inputs.json_file import read_json
from cliq_async.cli.inputs.recipient_file import FORMS, Form, RecipientFile, form_from_name
from cliq_async.cli.inputs.selection import RecipientSelection
from cliq_async.cli.options import (
    Option,
    allow_unknown_option,
    input_file,
    journal_type,
    options_object,
    seconds,
    text_type,
)
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.outputs.report_files import report_type
from cliq_async.errors import ValidationError

__all__ = ["BulkOptions", "bulk_options"]


@attrs.frozen(kw_only=True)
class BulkOptions:
    """The values of the options that `bulk_options` adds.

    Attributes:
        to: The recipient file's path, or `-` for standard input.
        column: The column with the ids.
        form: The form of the recipient file.
        delimiter: The character between the cells of CSV; None to find it out.
        exclude: The files of recipients to leave out.
        template: True if the content is a template over the columns.
        text: The content as a text.
        message: The content as a JSON file.
        allow_unknown: True to send fields of that file that are not documented as they are.
        headroom: The tokens of the quota to leave to other callers.
        dedupe: True to send once to an id that occurs twice.
        batch_size: The recipients per request; None for the maximum.
        max_wait: The longest wait of a request for the quota; None for no limit.
        journal: The file or URL with which the job can be resumed, or None.
        resend_unknown: True to send again to recipients who may have been reached.
        limit: The number of recipients to take; None for all.
        dry_run: True to send nothing.
        report: The files for the report.
        yes: True to skip the confirmation.
        as_json: True for a report as JSON.
    """

    to: str = attrs.field(converter=str)
    column: str | None
    form: Form | None
    delimiter: str | None
    exclude: tuple[str, ...]
    template: bool
    text: str | None
    message: Path | None
    allow_unknown: bool
    headroom: int
    dedupe: bool
    batch_size: int | None
    max_wait: float | None
    journal: Path | str | None
    resend_unknown: bool
    limit: int | None
    dry_run: bool
    report: tuple[Path, ...]
    yes: bool
    as_json: bool

    def __attrs_post_init__(self) -> None:
        if self.report and self.dry_run:
            raise click.UsageError("give either --report or --dry-run, which sends nothing")
        if self.resend_unknown and self.journal is None:
            raise click.UsageError("--resend-unknown needs --journal, which records who is unknown")
        if (self.text is None) == (self.message is None):
            raise click.UsageError("give either --text or --message")
        if self.form == "lines" and self.column is not None:
            raise click.UsageError("--column is for csv and jsonl: lines have no columns")
        form = self.form or form_from_name(self.to)
        if self.delimiter is not None and (form == "jsonl" or self.column is None):
            raise click.UsageError("--delimiter is for csv, with --column")
        if self.text is not None and "{{" in self.text and not self.template:
            echo_err("warning: {{ }} is sent as it is without --template")

    @property
    def selection(self) -> RecipientSelection:
        """The recipients."""
        return RecipientSelection(
            path=self.to,
            column=self._id_column if self.template else self.column,
            form=self.form,
            delimiter=self.delimiter,
            limit=self.limit,
            rows=self.template,
        )

    @property
    def _id_column(self) -> str:
        """The column in which a template finds the recipient's id; `user_id` in a synced list."""
        return self.column or "user_id"

    def content(self, template: Callable[..., Any], read: Callable[..., Any]) -> Any:
        """Build the content to send: a text, the content of a file, or a template of either.

        Args:
            template: Builds a template from the API's form, or from a text.
            read: Reads the content from a file.

        Raises:
            CliError: The file cannot be read.
            ValidationError: The content breaks a limit, or is not a valid template.
        """
        with self.named():
            if self.template:
                source = self.text if self.message is None else read_json(self.message)
                return template(source, to=self._id_column, allow_unknown=self.allow_unknown)
        if self.message is None:
            return self.text
        return read(self.message, allow_unknown=self.allow_unknown)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Make a ValidationError of the body name an option or a file, not a field."""
        place = "--text" if self.message is None else str(self.message)
        text = "--text" if self.message is None else f"{self.message}: text"
        with cli_field_names(template=place, text=text, to="--column", headroom="--headroom"):
            yield

    async def options(self) -> dict[str, Any]:
        """Return the options of the job.

        Raises:
            CliError: A file cannot be read.
        """
        given: dict[str, Any] = {} if self.batch_size is None else {"batch_size": self.batch_size}
        return given | {
            "dedupe": self.dedupe,
            "exclude": [each for path in self.exclude async for each in self._excluded(path)],
            "headroom": self.headroom,
            "max_wait_s": self.max_wait,
            "journal": self.journal,
            "resend_unknown": self.resend_unknown,
        }

    async def _excluded(self, path: str) -> AsyncIterator[Any]:
        # The column is that of --to, which a file of one id a line does not have.
        column = self.column if form_from_name(path) else None
        with RecipientFile(path, column, None, self.delimiter, excluding=True) as file:
            await file.start()
            async for each in file:
                if each in {"", None}:  # an exclusion without an id must not be ignored
                    raise file.error(f"no id in column {file.column!r}")
                try:
                    normalize_excluded((each,))
                except ValidationError as error:
                    raise file.error(f"{error.limit}, got {error.given!r}") from None
                yield each


def bulk_options(
    *, max_recipients: int, confirm_above: int
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a bulk job, which the command takes as `bulk`.

    Args:
        max_recipients: The most recipients that can share a request.
        confirm_above: The number of recipients above which a confirmation is needed.
    """
    options = (*_RECIPIENTS, *_content_options(max_recipients), *_run_options(confirm_above))
    return lambda command: options_object(command, options, "bulk", BulkOptions)


def _one_character(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    character = "\t" if value in {"tab", "\\t"} else value
    if character is not None and (len(character) != 1 or character in '"\r\n '):
        raise click.BadParameter("one character, or tab")
    return character


_RECIPIENTS: Final[tuple[Option, ...]] = (
    click.option(
        "--to",
        required=True,
        metavar="FILE|-",
        type=input_file,
        help="One id per line, CSV or JSON, a file of `cliq subscribers sync`, or - for standard "
        "input.",
    ),
    click.option(
        "--column",
        metavar="NAME",
        help="The column with the ids: by default user_id, if it exists.",
    ),
    click.option(
        "--format",
        "form",
        type=click.Choice(FORMS),
        help="The form of the file: by default its extension decides, else csv with --column.",
    ),
    click.option(
        "--delimiter",
        metavar="CHAR",
        callback=_one_character,
        help="What separates the cells of CSV, such as ';' or tab: by default a comma, semicolon "
        "or tab, whichever gives the --column.",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        help="Recipients to leave out: one id per line, or CSV or JSON Lines with the same column. "
        "Can be given several times.",
    ),
    click.option(
        "--limit", type=click.IntRange(1), metavar="N", help="Only the first N recipients."
    ),
    click.option("--dedupe", is_flag=True, help="Send once to ids that occur twice."),
)


def _content_options(max_recipients: int) -> tuple[Option, ...]:
    return (
        click.option(
            "--text",
            type=text_type,
            metavar="TEXT|-",
            help="The text to send, or - for standard input.",
        ),
        click.option(
            "--message",
            type=input_file,
            metavar="FILE.json|-",
            help="More than a text: JSON in the form of the API.",
        ),
        allow_unknown_option,
        click.option(
            "--template",
            is_flag=True,
            help="Treat texts as Jinja templates over the columns: Hello {{ name }}.",
        ),
        click.option(
            "--batch-size",
            type=click.IntRange(1, max_recipients),
            metavar="N",
            help=f"Recipients per request; {max_recipients} by default, which is the maximum.",
        ),
        click.option(
            "--headroom",
            type=click.IntRange(0),
            default=0,
            show_default=True,
            help="Requests per window to leave to other programs of this account.",
        ),
        click.option(
            "--max-wait",
            type=seconds,
            metavar="SECONDS",
            help="The longest wait of a request for the quota; beyond that, stop with exit 3.",
        ),
    )


def _run_options(confirm_above: int) -> tuple[Option, ...]:
    return (
        click.option(
            "--journal",
            type=journal_type,
            metavar="FILE|URL",
            help="Record the job in a file, or as redis://host:port/db/name: run again with it, "
            "the job resumes where it stopped.",
        ),
        click.option(
            "--resend-unknown",
            is_flag=True,
            help="With --journal: send again to recipients who may or may not have been reached.",
        ),
        click.option(
            "--report",
            type=report_type,
            multiple=True,
            metavar="FILE.html|FILE.csv",
            help="Write who got it, who did not and why, and who is left: with a chart in HTML, as "
            "a list in CSV. Can be given for each.",
        ),
        click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing."),
        click.option(
            "--yes",
            is_flag=True,
            help=f"Do not ask for confirmation above {confirm_above:,} recipients.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON."),
    )
