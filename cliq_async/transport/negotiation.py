"""Calls in the form that the server understands: as documented, or as it turns out to want them.

The documented form goes first. Should the answer hint at a trait of the live service, the call goes
again with it; nothing was executed then. Until the form is known, one call at a time goes to an
endpoint. What was learned is kept in the store, for all who share it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

import attrs
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
from cliq_async.transport.executor import CallOptions, RequestExecutor
from cliq_async.transport.protocol import ApiCall

__all__ = ["DialectNegotiator"]

_log = logging.getLogger("cliq_async")

_KEPT_S: Final = 7 * 24 * 3600.0
_LASTING: Final = frozenset({Quirk.PREFIXED, Quirk.BARE})
"""What one refusal says nothing against: some bots are not there."""


class DialectNegotiator:
    """Makes the calls of one client.

    Args:
        caller: Sends them.
        store: Keeps what was learned.
        server: Whose traits they are: scheme, host and network.
    """

    def __init__(self, caller: RequestExecutor, store: QuotaStore, server: str) -> None:
        self._caller = caller
        self._store = store
        self._server = server
        self._set_known({})
        self._recalled = False
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def execute(self, call: ApiCall, options: CallOptions) -> Awaitable[object]:
        """See `Caller.call`."""
        if call.endpoint.name in self._plain:
            return self._caller.execute(call, options)
        return self._execute_negotiated(call, options)

    async def _execute_negotiated(self, call: ApiCall, options: CallOptions) -> object:
        traits = quirks_of(call)
        if traits <= self._known.keys():
            has = {trait for trait in traits if self._known[trait]}
            try:
                return await self._execute_with(call, has, options)
            except ApiError as error:
                trait = quirk_from_error(call, error)
                if trait not in has or trait in _LASTING:
                    raise
                # The server has changed.
                self._set_known(
                    {each: has for each, has in self._known.items() if each not in traits}
                )
        began = self._store.clock()
        turn = self._turns[call.endpoint.name]
        try:
            async with asyncio.timeout(options.max_wait_s):
                await turn.acquire()
        except TimeoutError:
            now = to_utc(self._store.clock(), self._store.clock)
            raise QuotaWaitError(call.endpoint.name, now) from None
        try:
            await self._load_known()
            if not traits <= self._known.keys():
                return await self._probe(call, traits, self._remaining(options, began))
        finally:
            turn.release()
        return await self._execute_negotiated(call, self._remaining(options, began))

    def _set_known(self, known: dict[Quirk, bool]) -> None:
        self._known = known
        self._plain = endpoints_without_quirks(known)

    async def _probe(self, call: ApiCall, traits: frozenset[Quirk], options: CallOptions) -> object:
        """Make a call, and find out which of some traits the server has."""
        began = self._store.clock()
        has = {trait for trait in traits if self._known.get(trait)}
        sure = {trait for trait in traits if trait in self._known}
        before: ApiError | None = None
        while True:
            try:
                answer = await self._execute_with(call, has, self._remaining(options, began))
            except ApiError as error:
                if before is not None and (error.status, error.code) == (
                    before.status,
                    before.code,
                ):
                    raise before from None
                trait = quirk_from_error(call, error)
                if trait is None or trait in sure or trait not in traits:
                    raise
                sure.add(trait)
                has ^= {trait}
                before = error
                continue
            self._remember({trait: trait in has for trait in traits})
            return answer

    def _execute_with(
        self, call: ApiCall, has: set[Quirk], options: CallOptions
    ) -> Awaitable[object]:
        return self._caller.execute(apply_quirks(call, has) if has else call, options)

    def _remaining(self, options: CallOptions, began: float) -> CallOptions:
        if options.max_wait_s is None:
            return options
        passed_s = self._store.clock() - began
        return attrs.evolve(options, max_wait_s=max(0.0, options.max_wait_s - passed_s))

    def _remember(self, learned: dict[Quirk, bool]) -> None:
        for trait, has in learned.items():
            if has and not self._known.get(trait):
                _log.info("%s %s", self._server, trait.value)
        self._set_known(self._known | learned)
        store, until = self._store, self._store.clock() + _KEPT_S
        if keeps_records(store):
            text = msgspec.json.encode({t.name: has for t, has in self._known.items()}).decode()
            store.set_record(self._record_name, text, until=until)

    async def _load_known(self) -> None:
        """Take in what was learned before, or by others."""
        if self._recalled or not keeps_records(self._store):
            return
        self._recalled = True
        with suppress(QuotaStoreError):  # whoever takes a token next will say so
            note = await self._store.get_record(self._record_name)
            if note is not None:
                with suppress(msgspec.MsgspecError):
                    found = msgspec.json.decode(note.text, type=dict[str, bool])
                    known = {t: found[t.name] for t in Quirk if t.name in found}
                    self._set_known(known | self._known)

    @property
    def _record_name(self) -> str:
        return f"dialect {self._server}"
