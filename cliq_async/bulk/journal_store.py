"""The seam between a journal and the place that keeps it: a SQLite file, or a Redis server."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import attrs

from cliq_async.bulk.job_log import Known
from cliq_async.bulk.report import Outcome
from cliq_async.errors import JournalError, ValidationError
from cliq_async.storage.worker import Backend

__all__ = [
    "Begun",
    "JobIdentity",
    "JournalPlace",
    "JournalStore",
    "LeaseHeldError",
    "RedisPlace",
    "Row",
    "parse_place",
    "recorded_outcome",
    "wall_time",
]

PROGRAM_DIED: Final = "the program ended before the request was answered"
_UNANSWERED: Final = "no answer is recorded: the request is in flight, or its program ended before"

_KNOWN: Final = (
    "a file, or redis://host:port/db/name, with ?accept_loss=yes or must_exist=yes; the name is "
    "not a number"
)
_SCHEMES: Final = frozenset({"redis", "rediss", "valkey", "valkeys", "unix"})
_NAME: Final = re.compile(r"(?!\d+\Z)[\w.@+-]{1,100}")


@attrs.frozen
class RedisPlace:
    """The place of a journal on a Redis server.

    Attributes:
        url: The URL of the server, which may hold a password.
        name: The name of the journal.
        accept_loss: True to use a server that may lose the journal.
        must_exist: True to refuse to begin a new journal.
    """

    url: str = attrs.field(repr=False)
    name: str
    accept_loss: bool = False
    must_exist: bool = False

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path.rstrip('/')}/{self.name}"


JournalPlace = Path | RedisPlace
"""The place of a journal."""


def parse_place(journal: str | os.PathLike[str]) -> JournalPlace:
    """Return the place of a journal: the last part of a server's URL is the journal's name.

    Raises:
        ValidationError: The URL does not name a journal on a server.
    """
    if not isinstance(journal, str) or "://" not in journal:
        return Path(journal)
    parts = urlsplit(journal)
    path, _, last = parts.path.rpartition("/")
    name = unquote(last)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    flags = {each: query.pop(each, "no") for each in ("accept_loss", "must_exist")}
    if (
        parts.scheme.split("+")[0] not in _SCHEMES
        or not _NAME.fullmatch(name)
        or not set(flags.values()) <= {"yes", "no"}
    ):
        raise ValidationError(
            "journal", _KNOWN, f"{parts.scheme[:20]}://…"
        )  # it may hold a password
    options = f"?{urlencode(query)}" if query else ""
    url = f"{parts.scheme}://{parts.netloc}{path}{options}"  # a socket file's has three slashes
    return RedisPlace(url, name, **{each: value == "yes" for each, value in flags.items()})


@attrs.frozen(kw_only=True)
class JobIdentity:
    """The job to which a journal belongs; it cannot be used for any other.

    Attributes:
        kind: The kind of job.
        quota: The owner of the quota: account and host.
        bot: The bot's unique name.
        message: A digest of the message; `personal` for personal messages, which are part of the
            digests of the batches.
        batch_size: The number of recipients in a request.
        dedupe: True if repeated ids are skipped.
    """

    kind: str
    quota: str
    bot: str
    message: str
    batch_size: int
    dedupe: bool

    def to_rows(self) -> dict[str, str]:
        """Return the properties of the job, as a journal records them."""
        return {name: str(value) for name, value in attrs.asdict(self).items()}

    def check(self, recorded: Mapping[str, str | None], place: object) -> None:
        """Raise a `JournalError` if the recorded properties are those of another job."""
        for name, value in self.to_rows().items():
            if recorded.get(name) != value:
                difference = (
                    "its message is different"
                    if name == "message"
                    else f"its {name} is {recorded.get(name)!r}, but this job's is {value!r}"
                )
                raise JournalError(
                    f"{place} is the journal of another job: {difference}; name another journal "
                    "for a new job"
                )


@attrs.frozen
class Row:
    """The record of a batch.

    Attributes:
        key: Its number in the journal.
        position: Its place in the stream of batches; None for a part of a batch that was split.
        digest: A hash of the recipients and their content.
        size: The number of recipients.
        status: `sending`, `waiting`, `delivered`, `failed`, `unknown` or `split`.
        ids: The recipients' ids, one a line; None if the batch was split.
        content: Its own content, until it no longer has to be sent.
        reason: The reason for the status.
        code: Cliq's error code, or None.
    """

    key: int
    position: int | None
    digest: bytes
    size: int
    status: str
    ids: str | None
    content: bytes = b""
    reason: str = ""
    code: str | None = None


def recorded_outcome(ids: str, status: Any, reason: str, code: str | None) -> Outcome:
    """Return the outcome of a row with ids. One that was sent without an answer is unknown."""
    if status == "sending":
        status, reason = "unknown", _UNANSWERED
    return Outcome(tuple(ids.split("\n")), status, reason, code)


@attrs.frozen
class Begun:
    """The state in which a run finds its journal.

    Attributes:
        last_key: The highest number of a batch.
        known: The batches that earlier runs have read.
        totals: The number of recipients by status.
        begun: The time at which the job began, as `wall_time` gives it; None in journals of
            earlier versions.
    """

    last_key: int
    known: Known
    totals: Mapping[str, int]
    begun: str | None = None


def wall_time() -> str:
    """Return the time, as a journal records it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class LeaseHeldError(JournalError):
    """Another program holds the journal, and it is not known yet if that program is alive."""


class JournalStore(Backend[Callable[[], Any]], Protocol):
    """A journal that is open for writing, by one program at a time.

    A worker thread calls `run` with operations that call the other methods, and blocks until what
    they wrote is kept, all of it or nothing. The same write may come twice.

    Attributes:
        renew_s: The time after which `renew` has to be called again, in real seconds; None if the
            journal cannot be taken over from a living program.
    """

    renew_s: float | None

    @property
    def place(self) -> JournalPlace:
        """The place of the journal."""
        ...

    def begin(self) -> Begun:
        """Begin a run: drop skipped items, and make the batches in flight unknown.

        Raises:
            LeaseHeldError: Try again soon; then the journal is free, or held for certain.
            JournalError: The journal cannot be used for this job.
        """
        ...

    def digests(self, first: int, last: int) -> dict[int, bytes]:
        """Return the digests of the batches in a range of positions."""
        ...

    def unfinished(self, statuses: Sequence[str]) -> list[Row]:
        """Return the batches of some statuses, by their keys."""
        ...

    def put(self, row: Row) -> None:
        """Write a batch, in place of one with the same key."""
        ...

    def finish(self, row: Row) -> None:
        """Write the outcome of a batch that was put before."""
        ...

    def delete(self, row: Row) -> None:
        """Delete a batch."""
        ...

    def add_skipped(self, items: Sequence[tuple[int, str, str]]) -> None:
        """Write skipped items: number, item and reason."""
        ...

    def renew(self) -> None:
        """Keep the journal for this program."""
        ...

    def sendable_s(self) -> float:
        """Return for how long no other program can have the journal, in real seconds."""
        ...
