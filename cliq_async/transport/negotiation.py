"""Finding out which quirks a server has, by what it answers.

Until the quirks that matter to an endpoint are known, its calls go one at a time: the first one
finds out, the others follow. What was learned is kept in the quota store for a week, so that other
processes need not find out again; the server's answers correct it.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from typing import Final

import msgspec

from cliq_async.clock import to_utc
from cliq_async.errors import ApiError, QuotaStoreError, QuotaWaitError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.records import keeps_records
from cliq_async.transport.dialect import (
    Quirk,
    apply_quirks,
    endpoints_without_quirks,
    quirk_from_error,
    quirks_of,
)
from cliq_async.transport.protocol import ApiCall

__all__ = ["CallForm", "DialectNegotiator"]

_log = logging.getLogger("cliq_async")

_KEPT_S: Final = 7 * 24 * 3600.0
_PERMANENT: Final = frozenset({Quirk.PREFIXED, Quirk.BARE})
"""A 404 for a known form of an id says that there is no such bot, not that the server changed."""


class DialectNegotiator:
    """Knows the quirks of one server, for all calls of a client.

    Attributes:
        without_quirks: The endpoints whose calls are known to go as documented.

    Args:
        store: Keeps what was learned, if it keeps records.
        server: The server's URL.
    """

    def __init__(self, store: QuotaStore, server: str) -> None:
        self.clock = store.clock
        self._store = store
        self._server = server
        self._loaded = False
        self._known: dict[Quirk, bool] = {}
        self.without_quirks: frozenset[str] = frozenset()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def knows(self, quirks: frozenset[Quirk]) -> bool:
        """Return whether it is known of each quirk if the server has it."""
        return quirks <= self._known.keys()

    def has(self, quirks: frozenset[Quirk]) -> set[Quirk]:
        """Return those quirks that the server is known to have."""
        return {quirk for quirk in quirks if self._known.get(quirk)}

    def known(self, quirks: frozenset[Quirk]) -> set[Quirk]:
        """Return those quirks of which it is known if the server has them."""
        return {quirk for quirk in quirks if quirk in self._known}

    def turn(self, call: ApiCall) -> asyncio.Lock:
        """Return the lock that the one call holds that finds out."""
        return self._turns[call.endpoint.name]

    def forget(self, quirks: frozenset[Quirk]) -> None:
        """Forget quirks: the server has changed."""
        self._set_known({each: has for each, has in self._known.items() if each not in quirks})

    def learn(self, learned: dict[Quirk, bool]) -> None:
        """Take in what an answer showed, and keep it for others."""
        for quirk, has in learned.items():
            if has and not self._known.get(quirk):
                _log.info("%s %s", self._server, quirk.value)
        self._set_known(self._known | learned)
        store, until = self._store, self.clock() + _KEPT_S
        if keeps_records(store):
            text = msgspec.json.encode({q.name: has for q, has in self._known.items()}).decode()
            store.set_record(self._record_name, text, until=until)

    async def load(self) -> None:
        """Take in what was learned before, or by other processes. Reads the store once."""
        if self._loaded or not keeps_records(self._store):
            return
        self._loaded = True
        with suppress(QuotaStoreError):  # the next take of a token reports it
            record = await self._store.get_record(self._record_name)
            if record is not None:
                with suppress(msgspec.MsgspecError):
                    found = msgspec.json.decode(record.text, type=dict[str, bool])
                    known = {q: found[q.name] for q in Quirk if q.name in found}
                    self._set_known(known | self._known)

    def _set_known(self, known: dict[Quirk, bool]) -> None:
        self._known = known
        self.without_quirks = endpoints_without_quirks(known)

    @property
    def _record_name(self) -> str:
        return f"dialect {self._server}"


class CallForm:
    """The form in which one call is sent, and the search for it while it is not known.

    Attributes:
        ready: The form is chosen; else `prepare` comes first.
    """

    def __init__(self, negotiator: DialectNegotiator, call: ApiCall) -> None:
        self._negotiator = negotiator
        self._call = call
        self._quirks = quirks_of(call)
        self._turn: asyncio.Lock | None = None
        self._has: set[Quirk] = set()
        self._sure: set[Quirk] = set()
        self._error: ApiError | None = None
        self.ready = False
        if negotiator.knows(self._quirks):
            self._has = negotiator.has(self._quirks)
            self.ready = True

    async def prepare(self, deadline: float | None) -> None:
        """Wait while another call finds out, and choose the form.

        Raises:
            QuotaWaitError: It takes longer than the deadline allows.
        """
        negotiator, turn = self._negotiator, self._negotiator.turn(self._call)
        budget_s = None if deadline is None else max(0.0, deadline - negotiator.clock())
        try:
            async with asyncio.timeout(budget_s):
                await turn.acquire()
        except TimeoutError:
            now = to_utc(negotiator.clock(), negotiator.clock)
            raise QuotaWaitError(self._call.endpoint.name, now) from None
        self._turn = turn
        await negotiator.load()
        self._has, self._error = negotiator.has(self._quirks), None
        self._sure = negotiator.known(self._quirks)
        self.ready = True
        if negotiator.knows(self._quirks):
            self.close()

    def apply(self, call: ApiCall) -> ApiCall:
        """Return the call in the form to be sent."""
        return apply_quirks(call, self._has) if self._has else call

    def accepted(self) -> None:
        """Learn from a success."""
        if self._turn is not None:
            self._negotiator.learn({quirk: quirk in self._has for quirk in self._quirks})

    def refused(self, error: ApiError) -> ApiError | None:
        """Choose another form after a refusal. Returns the error to raise if there is no other."""
        quirk = quirk_from_error(self._call, error)
        if self._turn is None:
            if quirk not in self._has or quirk in _PERMANENT:
                return error
            self._negotiator.forget(self._quirks)
            self.ready = False
            return None
        before = self._error
        if before is not None and (error.status, error.code) == (before.status, before.code):
            return before
        if quirk is None or quirk in self._sure or quirk not in self._quirks:
            return error
        self._sure.add(quirk)
        self._has ^= {quirk}
        self._error = error
        return None

    def close(self) -> None:
        """Let the next call find out, if this one was to."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()
