"""The outcomes of batches: from errors, and from answers that list who was reached. No I/O."""

from collections.abc import Sequence
from typing import Final, Literal

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import Part, Status
from cliq_async.errors import (
    FOREIGN_ADVICE,
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

_REDIRECT, _BAD_REQUEST = 300, 400
_REFUSED_FOR_SOME: Final = "bot_unauthorized_message_access"
"""The code with which Cliq refuses a whole batch because of some of its recipients."""
_MAYBE_DELIVERED: Final = frozenset({"botmessage_sending_failed"})
"""Codes after which some recipients may have been reached."""
_NOT_LISTED: Final = "Cliq does not list them among the recipients reached"
_LISTED_BY_ZUID: Final = (
    "Cliq reported fewer recipients than were sent to, and by ZUID only, so it is not known who "
    "was reached"
)
_ADVICE: Final[dict[type[CliqError], str]] = {
    AuthError: "check the credentials",
    AuthenticationError: "renew the access token, or use a refresh token",
    JournalError: "",
    NotFoundError: "check the bot's unique name",
    PermissionDeniedError: "check the token's scopes and the bot's permissions",
    QuotaStoreError: "",
    QuotaWaitError: "",
    ThrottledError: "",
}
"""Errors that would affect every batch, with advice that their messages do not contain."""


@attrs.frozen
class ErrorOutcome:
    """The consequences of an error for its batch and for the job.

    Attributes:
        status: The status of the batch; `unsent` if it can still be sent, later or after the
            problem is fixed.
        code: Cliq's error code, or None.
        stops: The reason why the job has to stop, with advice; None if it continues.
        splits: True if the batch was refused because of some of its recipients only.
    """

    status: Literal["failed", "unknown", "unsent"]
    code: str | None = None
    stops: str | None = None
    splits: bool = False


def classify_error(error: CliqError) -> ErrorOutcome:
    """Return the consequences of an error for its batch and for the job."""
    code = error.code if isinstance(error, ApiError) else None
    splits = code == _REFUSED_FOR_SOME
    stops = None if splits else _stop_reason(error)
    if stops or isinstance(error, TransportError):  # refused, or no connection
        return ErrorOutcome("unsent", code, stops)
    unknown = isinstance(error, OutcomeUnknownError | ServerError) or code in _MAYBE_DELIVERED
    return ErrorOutcome("unknown" if unknown else "failed", code, stops, splits)


def _stop_reason(error: CliqError) -> str | None:
    if type(error) is ApiError and _REDIRECT <= error.status < _BAD_REQUEST:
        return f"{error}; {FOREIGN_ADVICE}"
    for cls, advice in _ADVICE.items():
        if isinstance(error, cls):
            return f"{error}; {advice}" if advice else str(error)
    return None


@attrs.frozen
class Reached:
    """Recipients of a request that was accepted.

    Attributes:
        delivered: The recipients that Cliq lists, or all if the answer has no list.
        failed: The recipients that Cliq does not list.
        unknown: The recipients of whom that is not known: Cliq lists people by ZUID, even if they
            were given by email address.
    """

    delivered: tuple[str, ...]
    failed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def parts(self, batch: Batch) -> list[Part]:
        """Return the non-empty groups of recipients as parts of their batch."""
        groups: list[tuple[tuple[str, ...], Status, str]] = [
            (self.delivered, "delivered", ""),
            (self.failed, "failed", _NOT_LISTED),
            (self.unknown, "unknown", _LISTED_BY_ZUID),
        ]
        return [(batch.part(ids), status, reason) for ids, status, reason in groups if ids]


def split_by_reached(ids: tuple[str, ...], reached_ids: Sequence[str] | None) -> Reached:
    """Split the recipients of a request by who was reached.

    Args:
        ids: The recipients in the request.
        reached_ids: The recipients that the answer lists; None if the answer has no list.
    """
    listed = set(reached_ids or ())
    if reached_ids is None or len(listed) >= len(set(ids)):
        return Reached(ids)
    if not listed:
        return Reached((), ids)
    if listed.isdisjoint(ids):  # Cliq may list all of them by other ids
        return Reached((), (), ids)
    missing = {each for each in ids if each not in listed}
    by_email = {each for each in missing if not each.isdecimal()}
    if len(listed.difference(ids)) >= len(by_email):
        by_email = set()
        missing = {each for each in missing if each.isdecimal()}
    return Reached(
        tuple(each for each in ids if each not in missing),
        tuple(each for each in ids if each in missing - by_email),
        tuple(each for each in ids if each in by_email),
    )
