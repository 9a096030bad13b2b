"""Build bulk jobs from a payload, options and a journal."""

import hashlib
import logging
import os
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Final, TypedDict

import msgspec

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.job_log import JobLog, MemoryJobLog
from cliq_async.bulk.payloads import Payload, PayloadSender
from cliq_async.bulk.personal import PersonalContent
from cliq_async.bulk.report import BroadcastProgress
from cliq_async.errors import ValidationError
from cliq_async.models.call import Call
from cliq_async.models.identifiers import path_segment
from cliq_async.models.message import Message
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.transport.pending_call import PendingCall
from cliq_async.transport.protocol import ApiCall

__all__ = ["Items", "JobOptions", "PersonalCall", "PersonalMessage", "make_job"]

_log: Final = logging.getLogger("cliq_async")

_LOCAL_QUOTA: Final = (
    "the journal outlives this host, but its quota does not: a host that goes on with the job "
    "starts with a full quota, and Cliq may lock the endpoint; keep the quota on a Redis server "
    "as well (quota=, --quota or CLIQ_QUOTA)"
)

Items = Iterable[Any] | AsyncIterable[Any]
"""Recipients' ids, or the items from which personal messages are built."""

PersonalMessage = Callable[[Any], tuple[str | int, Message | str]]
"""Returns the recipient's id and the message for an item, as a `MessageTemplate` does for a row."""

PersonalCall = Callable[[Any], tuple[str | int, Call | str]]
"""Returns the recipient's id and the voice call for an item."""


class JobOptions(TypedDict, total=False):
    """The keyword arguments of `broadcast`, `call_many` and their jobs.

    Attributes:
        batch_size: The number of recipients in a request: 1 to 100 for messages, 1 to 10 for
            calls; the maximum by default.
        max_in_flight: The most requests in flight at the same time; by default as many as the
            quota allows at once.
        dedupe: Send once to repeated ids, with the message that came first. Keeps all ids in
            memory.
        exclude: Ids to skip, compared without regard to case. Kept in memory.
        headroom: The number of quota tokens to leave to other callers.
        max_wait_s: The longest time that one request may wait, in real seconds. If it would have
            to wait longer, the job stops.
        on_progress: Called when the job starts, and after each request.
        journal: A file that outlives the job, or `redis://host:port/db/name`, which outlives the
            host as well: started again with the same journal, the job resumes, and does not send
            again to recipients who were delivered to.
        resend_unknown: With a journal: send again to recipients who may or may not have been
            reached.
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


def make_job(
    payload: Payload,
    bot: str,
    content: object,
    *,
    begin: Callable[[ApiCall], PendingCall],
    quota: Quota,
    store: QuotaStore,
    options: JobOptions,
) -> Broadcast:
    """Build a job.

    Args:
        payload: The kind of request to send.
        bot: The bot's unique name.
        content: The content for all recipients, or a function that returns the recipient and the
            content for an item.
        begin: Starts a call.
        quota: The quota of the endpoint.
        store: The store that keeps the quota.
        options: The options of the job.

    Raises:
        ValidationError: The content or an option breaks a limit.
        TypeError: An option is unknown.
    """
    for option in options:
        if option not in JobOptions.__annotations__:
            raise TypeError(f"unknown option {option!r}")
    name = path_segment("bot_unique_name", bot)
    personal = _make_personal(payload, content) if callable(content) else None
    encoded = b"{}" if personal else payload.encode(content)
    headroom = options.get("headroom", 0)
    if type(headroom) is not int or headroom < 0:
        raise ValidationError("headroom", "an int, at least 0", headroom)
    batch_size = options.get("batch_size", payload.max_recipients)
    dedupe = options.get("dedupe", False)
    in_flight = options.get("max_in_flight")
    return Broadcast(
        PayloadSender(payload, name, msgspec.json.decode(encoded), begin),
        personal=personal,
        batch_size=batch_size,
        max_batch_size=payload.max_recipients,
        max_in_flight=max(1, quota.threshold - headroom) if in_flight is None else in_flight,
        dedupe=dedupe,
        exclude=options.get("exclude", ()),
        on_progress=options.get("on_progress"),
        log=_open_log(
            options.get("journal"),
            store,
            resend_unknown=options.get("resend_unknown", False),
            kind=payload.name,
            quota=quota.owner,
            bot=bot,
            message="personal" if personal else hashlib.sha256(encoded).hexdigest(),
            batch_size=batch_size,
            dedupe=dedupe,
        ),
    )


def _make_personal(
    payload: Payload, make: Callable[[Any], object]
) -> Callable[[Any], PersonalContent]:
    def make_content(item: Any) -> PersonalContent:
        pair: Any = make(item)
        if not isinstance(pair, tuple) or len(pair) != 2:  # noqa: PLR2004 - a pair
            raise ValidationError("personal", "a recipient and their content", pair)
        return pair[0], payload.encode(pair[1])

    return make_content


def _open_log(
    journal: str | os.PathLike[str] | None,
    store: QuotaStore,
    *,
    resend_unknown: bool,
    **identity: Any,
) -> JobLog:
    if journal is None:
        if resend_unknown:
            raise ValidationError("resend_unknown", "False without a journal", resend_unknown)
        return MemoryJobLog()
    # Imported when needed: a job without a journal loads neither SQLite nor Redis.
    from cliq_async.bulk.journal import Journal  # noqa: PLC0415
    from cliq_async.bulk.journal_store import JobIdentity, RedisPlace, parse_place  # noqa: PLC0415

    if isinstance(parse_place(journal), RedisPlace) and _is_local(store):
        _log.warning(_LOCAL_QUOTA)
    return Journal(journal, JobIdentity(**identity), resend_unknown=resend_unknown)


def _is_local(store: QuotaStore) -> bool:
    return isinstance(store, MemoryStore) or hasattr(store, "path")
