"""What commands for many recipients have in common: their options."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import attrs
import click

from cliq_async.cli.inputs.json_file import read_json
from cliq_async.cli.inputs.recipient_file import FORMS, Form, RecipientFile, form_of
from cliq_async.cli.inputs.selection import RecipientSelection
from cliq_async.cli.options import Option, gathered, seconds
from cliq_async.cli.outputs.console import echo_err

__all__ = ["Bulk", "bulk"]


@attrs.frozen(kw_only=True)
class Bulk:
    """What the options of `bulk` say.

    Attributes:
        to: Where the recipients are: a file's path, or `-` for standard input.
        column: The column that holds the ids.
        form: What that file is.
        exclude: A file of those who are to be left out.
        template: Whether what is sent is a template over the columns.
        text: What is sent, as a text.
        message: What is sent, as a JSON file.
        headroom: How many tokens of the quota to leave to others.
        dedupe: Whether ids that come twice get it once.
        batch_size: Recipients in a request; None for as many as there may be.
        max_wait: How long a request may wait for the quota; None for no end.
        journal: The file that outlives the job, or None.
        resend_unknown: Whether those who may have been reached are sent to again.
        limit: How many recipients, from the first on; None for all.
        dry_run: Whether nothing is sent.
        yes: Whether nobody is asked.
        as_json: Whether the report is JSON.
    """

    to: str
    column: str | None
    form: Form | None
    exclude: str | None
    template: bool
    text: str | None
    message: Path | None
    headroom: int
    dedupe: bool
    batch_size: int | None
    max_wait: float | None
    journal: Path | None
    resend_unknown: bool
    limit: int | None
    dry_run: bool
    yes: bool
    as_json: bool

    def __attrs_post_init__(self) -> None:
        if self.resend_unknown and self.journal is None:
            raise click.UsageError("--resend-unknown needs the --journal that knows who is unknown")
        if (self.text is None) == (self.message is None):
            raise click.UsageError("give --text or --message, one of them")
        if self.form == "lines" and self.column is not None:
            raise click.UsageError("--column is for csv and jsonl: there are no columns in lines")
        if self.text is not None and "{{" in self.text and not self.template:
            echo_err("warning: {{ }} is sent as it is without --template")

    @property
    def whom(self) -> RecipientSelection:
        """The recipients."""
        return RecipientSelection(
            path=self.to,
            column=self._id_column if self.template else self.column,
            form=self.form,
            limit=self.limit,
            rows=self.template,
        )

    @property
    def _id_column(self) -> str:
        """The column that a template finds the recipient's id in; `user_id` in a synced list."""
        return self.column or "user_id"

    def what(self, template: Callable[..., Any], read: Callable[[Path], Any]) -> Any:
        """What is sent: a text, what a file says, or a template of either.

        Args:
            template: Makes a template of the API's plain form, or of a text.
            read: Reads it from a file.

        Raises:
            Failure: The file cannot be read.
            ValidationError: It breaks a limit, or is no template.
        """
        if self.template:
            plain = self.text if self.message is None else read_json(self.message)
            return template(plain, to=self._id_column)
        return self.text if self.message is None else read(self.message)

    async def options(self) -> dict[str, Any]:
        """The options of the job.

        Raises:
            Failure: A file cannot be read.
        """
        given: dict[str, Any] = {} if self.batch_size is None else {"batch_size": self.batch_size}
        return given | {
            "dedupe": self.dedupe,
            "exclude": [each async for each in self._excluded()],
            "headroom": self.headroom,
            "max_wait_s": self.max_wait,
            "journal": self.journal,
            "resend_unknown": self.resend_unknown,
        }

    async def _excluded(self) -> AsyncIterator[Any]:
        if self.exclude is None:
            return
        form = form_of(self.exclude)
        with RecipientFile(self.exclude, None if form == "lines" else self.column, form) as file:
            await file.start()
            async for each in file:
                if each in {"", None}:  # whoever that is must not be messaged all the same
                    raise file.fault(f"a row without {self.column!r}")
                yield each


def bulk(*, most: int, asked: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a job for many; the command gets them as `bulk`.

    Args:
        most: How many recipients share a request.
        asked: Above how many recipients somebody is asked first.
    """
    options = (*_RECIPIENTS, *_sending(most), *_running(asked))
    return lambda command: gathered(command, options, "bulk", Bulk)


_RECIPIENTS: Final[tuple[Option, ...]] = (
    click.option(
        "--to",
        required=True,
        metavar="FILE|-",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="One id a line; CSV or JSON Lines with --column; a file of `cliq subscribers sync`; "
        "or - for standard input.",
    ),
    click.option("--column", metavar="NAME", help="The column that holds the ids."),
    click.option(
        "--format",
        "form",
        type=click.Choice(FORMS),
        help="What the file is: by default what its ending says, else csv with --column.",
    ),
    click.option(
        "--exclude",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        help="Those who are to be left out: one id a line, or CSV or JSON Lines with the same "
        "column.",
    ),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N of them."),
    click.option("--dedupe", is_flag=True, help="Send once to ids that come twice."),
)


def _sending(most: int) -> tuple[Option, ...]:
    return (
        click.option("--text", metavar="TEXT", help="The text."),
        click.option(
            "--message",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE.json",
            help="More than a text, as JSON in the form of the API.",
        ),
        click.option(
            "--template",
            is_flag=True,
            help="Its texts are Jinja templates over the columns: Hello {{ name }}.",
        ),
        click.option(
            "--batch-size",
            type=click.IntRange(1, most),
            metavar="N",
            help=f"Recipients in a request; {most} by default, and at the most.",
        ),
        click.option(
            "--headroom",
            type=click.IntRange(0),
            default=0,
            show_default=True,
            help="Requests a window to leave to others of this account.",
        ),
        click.option(
            "--max-wait",
            type=seconds,
            metavar="SECONDS",
            help="How long a request may wait for the quota; beyond that, stop with exit 3.",
        ),
    )


def _running(asked: int) -> tuple[Option, ...]:
    return (
        click.option(
            "--journal",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Outlives the job: started again with it, the job goes on where it was.",
        ),
        click.option(
            "--resend-unknown",
            is_flag=True,
            help="With --journal: send again to those who may or may not have been reached.",
        ),
        click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing."),
        click.option("--yes", is_flag=True, help=f"Do not ask above {asked:,} recipients."),
        click.option("--json", "as_json", is_flag=True, help="The whole report as JSON."),
    )
