"""Jobs put together: what is sent, with which options, and where it is written down."""

import hashlib
import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypedDict

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.job_log import JobLog, MemoryJobLog
from cliq_async.bulk.payloads import Payload
from cliq_async.bulk.personal import Made
from cliq_async.bulk.report import BroadcastProgress
from cliq_async.errors import ValidationError
from cliq_async.models.call import Call
from cliq_async.models.identifiers import path_segment
from cliq_async.models.message import Message
from cliq_async.quota.model import Quota
from cliq_async.transport.protocol import ApiCall
from cliq_async.transport.tracking import CallTracker

__all__ = ["Items", "JobOptions", "PersonalCall", "PersonalMessage", "job_of"]

Items = Iterable[Any] | AsyncIterable[Any]
"""Recipients' ids; or whatever a personal message is made of."""

PersonalMessage = Callable[[Any], tuple[str | int, Message | str]]
"""Makes a recipient and their message of an item, as a `MessageTemplate` does of a row."""

PersonalCall = Callable[[Any], tuple[str | int, Call | str]]
"""The same for voice calls."""


class JobOptions(TypedDict, total=False):
    """What `broadcast`, `call_many` and their jobs take by name.

    Attributes:
        batch_size: Recipients in a request: 1 to 100 for messages, 1 to 10 for calls; by default
            the most.
        max_in_flight: Requests under way at the same time; by default as many as the quota allows
            at once.
        dedupe: Send once to ids that come twice, with whatever message came first. Keeps all ids
            in memory.
        exclude: Ids that are not sent to, in whatever case they are written. Kept in memory.
        headroom: How many tokens of the quota to leave to other callers.
        max_wait_s: Budget for waiting of one request, in real seconds. When it does not suffice,
            the job stops.
        on_progress: Called at the beginning, and after each request.
        journal: A file that outlives the job: started again with it, the job goes on where it
            was, and those who were delivered to are not sent to again.
        resend_unknown: With a journal: send again to those who may or may not have been reached.
    """

    batch_size: int
    max_in_flight: int | None
    dedupe: bool
    exclude: Iterable[str | int]
    headroom: int
    max_wait_s: float | None
    on_progress: Callable[[BroadcastProgress], object] | None
    journal: str | os.PathLike[str] | None
    resend_unknown: bool


def job_of(
    kind: Payload,
    bot: str,
    what: object,
    *,
    send: Callable[[ApiCall, CallTracker], Awaitable[object]],
    quota: Quota,
    options: JobOptions,
) -> Broadcast:
    """A job.

    Args:
        kind: What kind of thing it sends.
        bot: The bot's unique name.
        what: What everybody is sent, or a function that makes a recipient and what they are sent.
        send: Makes a call.
        quota: The quota that it spends.
        options: Its options.

    Raises:
        ValidationError: What is to be sent, or an option, breaks a limit.
        TypeError: There is no such option.
    """
    for option in options:
        if option not in JobOptions.__annotations__:
            raise TypeError(f"there is no option {option!r}")
    name = path_segment("bot_unique_name", bot)
    personal = _parse_url(kind, what) if callable(what) else None
    content = b"" if personal else kind.content(what)
    headroom = options.get("headroom", 0)
    if type(headroom) is not int or headroom < 0:
        raise ValidationError("headroom", "an int, at least 0", headroom)
    batch_size, dedupe = (
        options.get("batch_size", kind.max_recipients),
        options.get("dedupe", False),
    )

    async def send_to(batch: Batch, watch: CallTracker) -> Sequence[str] | None:
        return kind.reached_ids(await send(kind.call(name, content, batch), watch))

    in_flight = options.get("max_in_flight")
    return Broadcast(
        send_to,
        body=lambda batch: kind.call(name, content, batch).body,
        personal=personal,
        batch_size=batch_size,
        most=kind.max_recipients,
        max_in_flight=max(1, quota.threshold - headroom) if in_flight is None else in_flight,
        dedupe=dedupe,
        exclude=options.get("exclude", ()),
        on_progress=options.get("on_progress"),
        record=_record(
            options.get("journal"),
            resend_unknown=options.get("resend_unknown", False),
            kind=kind.name,
            quota=quota.owner,
            bot=bot,
            message="personal" if personal else hashlib.sha256(content).hexdigest(),
            batch_size=batch_size,
            dedupe=dedupe,
        ),
    )


def _parse_url(kind: Payload, make: Callable[[Any], object]) -> Callable[[Any], Made]:
    def made(item: Any) -> Made:
        pair: Any = make(item)
        if not isinstance(pair, tuple) or len(pair) != 2:  # noqa: PLR2004 - a pair
            raise ValidationError("personal", "a recipient and what they are sent", pair)
        return pair[0], kind.content(pair[1])

    return made


def _record(
    journal: str | os.PathLike[str] | None, *, resend_unknown: bool, **identity: Any
) -> JobLog:
    if journal is None:
        if resend_unknown:
            raise ValidationError("resend_unknown", "False without a journal", resend_unknown)
        return MemoryJobLog()
    # Imported in need: SQLite is not everybody's.
    from cliq_async.bulk.journal import Journal  # noqa: PLC0415
    from cliq_async.bulk.journal_file import JobIdentity  # noqa: PLC0415

    return Journal(journal, JobIdentity(**identity), resend_unknown=resend_unknown)
