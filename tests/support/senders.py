"""Jobs without a network: recipients that count reads, and senders with scripted outcomes."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from cliq_async.config import Settings
from cliq_async.errors import (
    BadRequestError,
    OutcomeUnknownError,
    PermissionDeniedError,
    TransportError,
)

QUOTA = Settings().quotas()["send_message"]
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def api(cls, status=400, code="x"):
    return cls(status, code, "text", "send_message")


# Fates of a batch.
NO_CONNECTION = TransportError("send_message", "no connection")
LOST = OutcomeUnknownError("send_message", "lost")
NOBODY_VALID = api(BadRequestError, code="botmessage_no_valid_users")
NOT_FOR_SOME = api(PermissionDeniedError, 403, "bot_unauthorized_message_access")


class Ids:
    """An iterable of recipients that counts how many were read."""

    def __init__(self, many, *, slow=False, fail_at=None):
        self.many, self.slow, self.fail_at = many, slow, fail_at
        self.read = 0

    def __iter__(self):
        for number in range(self.many):
            if number == self.fail_at:
                raise LookupError("the database is gone")
            self.read += 1
            yield 1000 + number

    async def __aiter__(self):
        ids = iter(self)
        while True:
            if self.slow:
                await asyncio.sleep(0.01)
            try:
                yield next(ids)
            except StopIteration:
                return


class Sender:
    """A sender without a network: each batch gets the next scripted fate."""

    def __init__(self, fates=(), takes_s=1.0):
        self.fates = list(fates)
        self.takes_s = takes_s
        self.batches = []
        self.under_way = 0
        self.most = 0

    def body(self, batch):
        return json.loads(batch.content or b"{}")

    def begin(self, batch) -> Any:
        return FakeCall(self, batch, self.fate_of(batch))

    def fate_of(self, _batch):
        return self.fates.pop(0) if self.fates else None

    def reached_ids(self, answer):
        return answer


class FakeCall:
    """One call of a sender: waits for the quota, then for the answer, each for `takes_s`."""

    def __init__(self, sender, batch, fate):
        self.sender, self.batch, self.fate = sender, batch, fate
        self.answered = self.in_flight = self.outcome_unknown = False
        self.data = None
        self.requests = self.lockouts = 0

    def __enter__(self):
        self.sender.under_way += 1
        self.sender.most = max(self.sender.most, self.sender.under_way)
        return self

    def __exit__(self, *_):
        self.sender.under_way -= 1

    async def acquire(self):
        await asyncio.sleep(self.sender.takes_s)
        if isinstance(self.fate, TransportError):
            raise self.fate

    def limit_send(self, left_s):
        pass

    async def send(self):
        self.sender.batches.append(self.batch.ids)
        self.in_flight = True
        try:
            await asyncio.sleep(self.sender.takes_s)
        except asyncio.CancelledError:
            self.outcome_unknown = True
            raise
        finally:
            self.in_flight = False
            self.requests += 1
        if isinstance(self.fate, BaseException):
            self.outcome_unknown = isinstance(self.fate, OutcomeUnknownError)
            raise self.fate
        self.answered = True


def accounted(report, read):
    """Assert that every id read is in one count, and every id not delivered in one outcome."""
    assert report.delivered + report.failed + report.unknown + report.skipped == read
    for status in ("failed", "unknown"):
        listed = [i for o in report.outcomes if o.status == status for i in o.ids]
        assert len(listed) == len(set(listed)) == getattr(report, status)
    everybody = [i for o in report.outcomes if o.status != "skipped" for i in o.ids]
    assert len(everybody) == len(set(everybody))
