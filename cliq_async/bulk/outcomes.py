"""What an error says of a batch, and of the job; and whom an answer leaves out. No I/O."""

from collections.abc import Sequence
from typing import Final, Literal

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import Part, Status
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    CliqError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaStoreError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)

__all__ = ["ErrorOutcome", "Reached", "classify_error", "split_by_reached"]

_THESE_USERS: Final = "bot_unauthorized_message_access"
"""The whole batch was refused for some of its recipients."""
_UNSURE: Final = frozenset({"botmessage_sending_failed"})
"""Codes after which some may have been reached."""
_NOT_NAMED: Final = "Cliq does not name them among those reached"
_NOT_TOLD: Final = "Cliq names fewer than were sent to, and by their ZUIDs: who was reached?"
_ADVICE: Final[dict[type[CliqError], str]] = {
    AuthError: "check the credentials",
    AuthenticationError: "renew the access token, or use one that renews itself",
    JournalError: "",
    NotFoundError: "check the bot's unique name",
    PermissionDeniedError: "check the token's scopes, and what the bot may do",
    QuotaStoreError: "",
    QuotaWaitError: "",
    ThrottledError: "",
}
"""Errors that the next batch would meet as well, and what may help where they do not say it."""


@attrs.frozen
class ErrorOutcome:
    """What an error says.

    Attributes:
        status: What became of the batch; `unsent` if it can yet be sent, later or once what is
            wrong was mended.
        code: Cliq's error code, or None.
        stops: Why the job has to end, and what to do; None if it goes on.
        splits: Whether the batch was refused for some of its recipients only.
    """

    status: Literal["failed", "unknown", "unsent"]
    code: str | None = None
    stops: str | None = None
    splits: bool = False


def classify_error(error: CliqError) -> ErrorOutcome:
    """What an error says of its batch, and of the job."""
    code = error.code if isinstance(error, ApiError) else None
    splits = code == _THESE_USERS
    stops = None if splits else _why_to_stop(error)
    if stops or isinstance(error, TransportError):  # it was refused, or found no connection
        return ErrorOutcome("unsent", code, stops)
    unknown = isinstance(error, OutcomeUnknownError | ServerError) or code in _UNSURE
    return ErrorOutcome("unknown" if unknown else "failed", code, stops, splits)


def _why_to_stop(error: CliqError) -> str | None:
    for cls, advice in _ADVICE.items():
        if isinstance(error, cls):
            return f"{error}; {advice}" if advice else str(error)
    return None


@attrs.frozen
class Reached:
    """Recipients of a request that was accepted.

    Attributes:
        delivered: Those whom Cliq names, or all if it does not say.
        failed: Those whom it does not name.
        unknown: Those of whom that cannot be told: Cliq names people by their ZUIDs, whatever
            they were given by.
    """

    delivered: tuple[str, ...]
    failed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def parts(self, batch: Batch) -> list[Part]:
        """Those of each kind, as parts of their batch."""
        kinds: list[tuple[tuple[str, ...], Status, str]] = [
            (self.delivered, "delivered", ""),
            (self.failed, "failed", _NOT_NAMED),
            (self.unknown, "unknown", _NOT_TOLD),
        ]
        return [(batch.part(ids), status, reason) for ids, status, reason in kinds if ids]


def split_by_reached(ids: tuple[str, ...], named: Sequence[str] | None) -> Reached:
    """Who was reached, of those in a request.

    Args:
        ids: Those in the request.
        named: Those whom the answer names; None if it does not say.
    """
    found = set(named or ())
    if named is None or len(found) >= len(set(ids)):
        return Reached(ids)
    if not found:
        return Reached((), ids)
    if found.isdisjoint(ids):  # perhaps it calls all of them by other names
        return Reached((), (), ids)
    missing = {each for each in ids if each not in found}
    by_name = {each for each in missing if not each.isdecimal()}
    if len(found.difference(ids)) >= len(by_name):
        by_name = set()
        missing = {each for each in missing if each.isdecimal()}
    return Reached(
        tuple(each for each in ids if each not in missing),
        tuple(each for each in ids if each in missing - by_name),
        tuple(each for each in ids if each in by_name),
    )
