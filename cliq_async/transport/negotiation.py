"""The negotiation of the form in which a server takes calls, by its answers.

A call goes in the form that is known, or else as documented. If the server refuses it for its
form, it goes again in another one, and the first success teaches all calls after it; so does a
refusal with another reason, which says that the server takes the form. No call has to wait for
another's answer; only the first one of a batch has a head start of two seconds, so that not every
request of the first window is refused. What was learned is kept in the quota store for a week, so
that other processes need not learn it again; the server's answers correct it.
"""

import asyncio
import logging
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Final

import msgspec

from cliq_async.errors import ApiError, AuthenticationError, QuotaStoreError, ServerError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.deadlines import answer_by
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
_HEAD_START_S: Final = 2.0
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
        self._store = store
        self._clock = store.clock
        self._server = server
        self._known: dict[Quirk, bool] = {}
        self._loaded = False
        self._head_starts: dict[str, tuple[float, asyncio.Event]] = {}
        self.without_quirks: frozenset[str] = frozenset()

    def knows(self, quirk: Quirk) -> bool | None:
        """Return whether the server has a quirk, or None if that is not known."""
        return self._known.get(quirk)

    def learn(self, call: ApiCall, quirks: AbstractSet[Quirk], has: AbstractSet[Quirk]) -> None:
        """Learn from a call's answer which of some quirks the server has, and tell the others."""
        learned = {quirk: quirk in has for quirk in quirks}
        if learned.items() <= self._known.items():
            return
        for quirk in has:
            if not self._known.get(quirk):
                _log.info("%s %s", self._server, quirk.value)
        self._set_known(self._known | learned)
        if call.endpoint.name in self._head_starts:
            self._head_starts[call.endpoint.name][1].set()
        store = self._store
        if keeps_records(store):
            text = msgspec.json.encode({q.name: has for q, has in self._known.items()}).decode()
            store.set_record(self._record_name, text, until=self._clock() + _KEPT_S)

    async def load(self, deadline: float | None) -> None:
        """Take in what was learned before, or by other processes.

        Calls that begin together read the store together. A store that fails is reported by the
        next take of a token.
        """
        store = self._store
        if self._loaded or not keeps_records(store):
            return
        with suppress(QuotaStoreError):
            record = await answer_by(deadline, self._store, store.get_record(self._record_name))
            if record is not None and not self._loaded:
                with suppress(msgspec.MsgspecError):
                    found = msgspec.json.decode(record.text, type=dict[str, bool])
                    known = {q: found[q.name] for q in Quirk if q.name in found}
                    self._set_known(known | self._known)
        self._loaded = True

    async def follow_first(self, call: ApiCall, deadline: float | None) -> None:
        """Let the first call of a batch learn the form. Waits two seconds in all, not for each."""
        name, now = call.endpoint.name, self._clock()
        if name not in self._head_starts:  # this is the first call
            self._head_starts[name] = now + _HEAD_START_S, asyncio.Event()
            return
        until, learned = self._head_starts[name]
        wait_s = (until if deadline is None else min(until, deadline)) - now
        if wait_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await learned.wait()

    def _set_known(self, known: dict[Quirk, bool]) -> None:
        self._known = known
        self.without_quirks = endpoints_without_quirks(known)

    @property
    def _record_name(self) -> str:
        return f"dialect {self._server}"


class CallForm:
    """The form in which one call is sent. Ask for it just before each request.

    Attributes:
        ready: True if the form can be asked for; else `prepare` comes first.
    """

    __slots__ = ("_call", "_has", "_negotiator", "_quirks", "_refusal", "_tried", "ready")

    def __init__(self, negotiator: DialectNegotiator, call: ApiCall) -> None:
        self._negotiator = negotiator
        self._call = call
        self._quirks = quirks_of(call)
        self._has: set[Quirk] = set()
        self._refusal: ApiError | None = None
        self._tried: dict[Quirk, bool] = {}
        self.ready = self._is_known()

    def _is_known(self) -> bool:
        return all(self._negotiator.knows(quirk) is not None for quirk in self._quirks)

    async def prepare(self, deadline: float | None, *, batch: bool) -> None:
        """Take in what others have learned.

        Args:
            deadline: The end of the call's budget, on the store's clock; None for no end.
            batch: True if many calls like this one may follow at once.
        """
        await self._negotiator.load(deadline)
        if batch and not self._is_known():
            await self._negotiator.follow_first(self._call, deadline)
        self.ready = True

    def apply(self) -> ApiCall:
        """Return the call in the form to be sent now."""
        knows, tried = self._negotiator.knows, self._tried
        self._has = {quirk for quirk in self._quirks if tried.get(quirk, knows(quirk))}
        return apply_quirks(self._call, self._has) if self._has else self._call

    def accepted(self) -> None:
        """Learn from a success."""
        self._negotiator.learn(self._call, self._quirks, self._has)

    def refused(self, error: ApiError) -> ApiError | None:
        """Choose another form after a refusal. Returns the error to raise if there is no other."""
        quirk = quirk_from_error(self._call, error)
        if quirk is None or quirk not in self._quirks:
            self._learn_from_refusal(error)
            return error
        first = self._refusal
        if quirk in self._tried:
            same = first is not None and (error.status, error.code) == (first.status, first.code)
            return first if same else error
        sent = quirk in self._has
        if self._negotiator.knows(quirk) is sent and (not sent or quirk in _PERMANENT):
            return error  # the form is right, so the refusal has another reason
        self._tried[quirk] = not sent
        self._refusal = first or error
        return None

    def _learn_from_refusal(self, error: ApiError) -> None:
        """Learn that a changed form is right, if Cliq has read it and refuses it otherwise."""
        read = error.code is not None and not isinstance(error, AuthenticationError | ServerError)
        if read and self._tried:
            self._negotiator.learn(self._call, self._tried.keys(), self._has)
