"""The record of a job: in memory, or in the journal that the user names."""

import hashlib
import os

from cliq_async.bulk.record import MemoryRecord, Record
from cliq_async.converter import to_json
from cliq_async.errors import ValidationError
from cliq_async.models.message import Message
from cliq_async.quota.model import Quota

__all__ = ["broadcast_record"]


def broadcast_record(
    journal: str | os.PathLike[str] | None,
    *,
    quota: Quota,
    bot: str,
    message: Message,
    batch_size: int,
    dedupe: bool,
    resend_unknown: bool,
) -> Record:
    """The record of a broadcast.

    Raises:
        ValidationError: There is no journal to know from who is unknown.
    """
    if journal is None:
        if resend_unknown:
            raise ValidationError("resend_unknown", "False without a journal", resend_unknown)
        return MemoryRecord()
    # Imported in need: SQLite is not everybody's.
    from cliq_async.bulk.journal import Journal  # noqa: PLC0415
    from cliq_async.bulk.journal_file import JobIdentity  # noqa: PLC0415

    identity = JobIdentity(
        kind="broadcast",
        quota=quota.owner,
        bot=bot,
        message=hashlib.sha256(to_json(message)).hexdigest(),
        batch_size=batch_size,
        dedupe=dedupe,
    )
    return Journal(journal, identity, resend_unknown=resend_unknown)
