"""Jobs without a network: recipients that are counted, and senders told what becomes of a batch."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from cliq_async.config import Settings
from cliq_async.errors import (
    BadRequestError,
    OutcomeUnknownError,
    PermissionDeniedError,
    TransportError,
)
from cliq_async.quota.token import Token

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
    """Recipients that count how many were read."""

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
    """Stands for the network: what it is told becomes of each batch."""

    def __init__(self, fates=(), takes_s=1.0):
        self.fates = list(fates)
        self.takes_s = takes_s
        self.batches = []
        self.under_way = 0
        self.most = 0

    async def __call__(self, batch, watch):
        fate = self.fates.pop(0) if self.fates else None
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.takes_s)  # in line
            token = watch.token = a_token()
            if isinstance(fate, TransportError):
                raise fate
            await watch.before_send()
            token.claim()
            self.batches.append(batch.ids)
            try:
                await asyncio.sleep(self.takes_s)  # on the wire
            except asyncio.CancelledError:
                watch.outcome_unknown = True
                raise
            finally:
                token.ended = True
                watch.requests += 1
            if isinstance(fate, BaseException):
                watch.outcome_unknown = isinstance(fate, OutcomeUnknownError)
                raise fate
        finally:
            self.under_way -= 1


def a_token():
    store: Any = Silent()
    return Token(store, QUOTA, 1, 0.0, 10.0)


class Silent:
    """A store that takes note of nothing."""

    def clock(self):
        return 0.0

    def end(self, *_):
        pass


def accounted(report, read):
    """Every id that was read is in one count, and every one not delivered in one outcome."""
    assert report.delivered + report.failed + report.unknown + report.skipped == read
    for status in ("failed", "unknown"):
        listed = [i for o in report.outcomes if o.status == status for i in o.ids]
        assert len(listed) == len(set(listed)) == getattr(report, status)
    everybody = [i for o in report.outcomes if o.status != "skipped" for i in o.ids]
    assert len(everybody) == len(set(everybody))
