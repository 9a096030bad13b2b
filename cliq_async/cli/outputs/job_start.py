"""The lines with which a bulk job says at its start what it is going to do."""

from cliq_async.bulk.journal_store import JournalPlace
from cliq_async.bulk.report import BroadcastProgress, JournalStart
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.text import clean, moment, plural

__all__ = ["print_journal_start", "print_start"]


def print_start(source: str, total: int | None) -> None:
    """Say to whom a job without a journal, or with a new one, sends.

    Args:
        source: The name of the source of the recipients, with the bot and the server.
        total: The number of recipients; None if unknown.
    """
    count = "recipients" if total is None else plural(total, "recipient")
    echo_err(f"sending to {count} from {source}")


def print_journal_start(
    place: JournalPlace, source: str, total: int | None, now: BroadcastProgress
) -> None:
    """Say whether a journal is new, resumed or finished, and to whom the job sends.

    Args:
        place: The place of the journal.
        source: The name of the source of the recipients, with the bot and the server.
        total: The number of recipients; None if unknown.
        now: The first progress of the job.
    """
    start = now.journal
    if start is None:  # stopped before that was known
        return
    name = clean(place)
    if start.state == "finished":
        resend = f"; --resend-unknown sends to the {now.unknown:,} unknown" if now.unknown else ""
        echo_err(
            f"warning: {name} is the journal of a finished job ({_earlier(start)}): nothing is "
            f"sent; name another journal for a new job{resend}"
        )
        return
    if start.state == "new":
        echo_err(f"{name} is a new journal")
        print_start(source, total)
        return
    echo_err(f"{name} resumes a job ({_earlier(start)})")
    if total is None:
        echo_err(f"sending to those left of the recipients from {source}")
    else:
        left = max(0, total - start.done - now.skipped)
        echo_err(f"sending to {left:,} of {plural(total, 'recipient')} from {source}")


def _earlier(start: JournalStart) -> str:
    done = f"{plural(start.done, 'recipient')} done"
    if start.begun is None:
        return done
    return f"begun {moment(start.begun)}, {done}"
