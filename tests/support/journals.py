"""Jobs with a journal, written inline or in its thread, and its rows."""

import atexit
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from support.redis_servers import RedisServer
from support.senders import Sender
from support.stores import Inline

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_redis import iter_rows
from cliq_async.bulk.journal_server import JournalServer
from cliq_async.bulk.journal_store import JobIdentity, RedisPlace, parse_place

IDENTITY = JobIdentity(
    kind="broadcast", quota="q", bot="ops", message="m", batch_size=10, dedupe=False
)


def a_journal(path, *, identity=IDENTITY, **options):
    journal = Journal(path, identity, **options)
    journal._worker = cast("Any", Inline)(journal._store)
    return journal


def a_job(path, sender, *, in_flight=3, identity=IDENTITY, **options):
    journal = a_journal(path, identity=identity, **options)
    return Broadcast(sender, batch_size=10, max_in_flight=in_flight, log=journal)


@cache
def durable_server():
    """One server for all tests that do not harm it. It writes each change to disk."""
    server = RedisServer(options=("--appendonly", "yes")).start()
    atexit.register(server.remove)
    return server


def a_url(server=None):
    """A journal that no other test has."""
    return f"{(server or durable_server()).url}/{uuid4().hex}x"


def rows(journal):
    """The recipients by status, with those of batches that were split."""
    place = parse_place(journal)
    if isinstance(place, RedisPlace):
        return redis_rows(place)
    with closing(sqlite3.connect(place)) as conn:
        return dict(conn.execute("SELECT status, sum(size) FROM batch GROUP BY status"))


def redis_rows(place):
    server = JournalServer(place)
    with closing(server):
        ((last_key,),) = server.execute(("HMGET", server.meta, "last_key"))
        totals = Counter()
        for row in iter_rows(server, int(last_key or 0)):
            totals[row.status] += row.size
    return dict(totals)


def copy_of(journal):
    """A copy of a journal as it is now, as if its program had been killed."""
    place = parse_place(journal)
    if isinstance(place, Path):
        copy = place.with_name("copy.db")
        for ending in ("", "-wal"):
            if place.with_name(place.name + ending).exists():
                shutil.copy(str(place) + ending, str(copy) + ending)
        return copy
    copied = a_url()
    old, new = JournalServer(place), JournalServer(cast("RedisPlace", parse_place(copied)))
    client = durable_server().client()
    with closing(client):
        for name in ("meta", "batches", "positions", "skipped"):
            client.copy(getattr(old, name), getattr(new, name))
    return copied


async def real(path, sender, ids, **options):
    job = Broadcast(sender, batch_size=10, log=Journal(path, IDENTITY, **options))
    return await job.run(ids)


class Quick(Sender):
    def __init__(self, *fates):
        super().__init__(fates, takes_s=0)
