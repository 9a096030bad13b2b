"""Jobs with a journal, written inline or in its thread, and the rows of its file."""

import sqlite3
from contextlib import closing
from typing import Any, cast

from support.senders import Sender
from support.stores import Inline

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_file import JobIdentity

IDENTITY = JobIdentity(
    kind="broadcast", quota="q", bot="ops", message="m", batch_size=10, dedupe=False
)


def a_journal(path, *, identity=IDENTITY, **options):
    journal = Journal(path, identity, **options)
    journal._worker = cast("Any", Inline)(journal._file)
    return journal


def a_job(path, sender, *, in_flight=3, identity=IDENTITY, **options):
    journal = a_journal(path, identity=identity, **options)
    return Broadcast(sender, batch_size=10, max_in_flight=in_flight, log=journal)


def rows(path):
    with closing(sqlite3.connect(path)) as conn:
        return dict(conn.execute("SELECT status, sum(size) FROM batch GROUP BY status"))


async def real(path, sender, ids, **options):
    job = Broadcast(sender, batch_size=10, log=Journal(path, IDENTITY, **options))
    return await job.run(ids)


class Quick(Sender):
    def __init__(self, *fates):
        super().__init__(fates, takes_s=0)
