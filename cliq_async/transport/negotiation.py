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

from cliq_async.clock import moment
from cliq_async.errors import ApiError, QuotaStoreError, QuotaWaitError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.records import keeps_notes
from cliq_async.transport.dialect import Trait, hinted, otherwise, plain_endpoints, traits_of
from cliq_async.transport.executor import Caller, Options
from cliq_async.transport.protocol import ApiCall

__all__ = ["Speaker"]

_log = logging.getLogger("cliq_async")

_KEPT_S: Final = 7 * 24 * 3600.0
_LASTING: Final = frozenset({Trait.PREFIXED, Trait.BARE})
"""What one refusal says nothing against: some bots are not there."""


class Speaker:
    """Makes the calls of one client.

    Args:
        caller: Sends them.
        store: Keeps what was learned.
        server: Whose traits they are: scheme, host and network.
    """

    def __init__(self, caller: Caller, store: QuotaStore, server: str) -> None:
        self._caller = caller
        self._store = store
        self._server = server
        self._know({})
        self._recalled = False
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def call(self, call: ApiCall, options: Options) -> Awaitable[object]:
        """See `Caller.call`."""
        if call.endpoint.name in self._plain:
            return self._caller.call(call, options)
        return self._spoken(call, options)

    async def _spoken(self, call: ApiCall, options: Options) -> object:
        traits = traits_of(call)
        if traits <= self._known.keys():
            has = {trait for trait in traits if self._known[trait]}
            try:
                return await self._sent(call, has, options)
            except ApiError as error:
                trait = hinted(call, error)
                if trait not in has or trait in _LASTING:
                    raise
                # The server has changed.
                self._know({each: has for each, has in self._known.items() if each not in traits})
        began = self._store.clock()
        turn = self._turns[call.endpoint.name]
        try:
            async with asyncio.timeout(options.max_wait_s):
                await turn.acquire()
        except TimeoutError:
            now = moment(self._store.clock(), self._store.clock)
            raise QuotaWaitError(call.endpoint.name, now) from None
        try:
            await self._recall()
            if not traits <= self._known.keys():
                return await self._found_out(call, traits, self._left(options, began))
        finally:
            turn.release()
        return await self._spoken(call, self._left(options, began))

    def _know(self, known: dict[Trait, bool]) -> None:
        self._known = known
        self._plain = plain_endpoints(known)

    async def _found_out(self, call: ApiCall, traits: frozenset[Trait], options: Options) -> object:
        """Make a call, and find out which of some traits the server has."""
        began = self._store.clock()
        has = {trait for trait in traits if self._known.get(trait)}
        sure = {trait for trait in traits if trait in self._known}
        before: ApiError | None = None
        while True:
            try:
                answer = await self._sent(call, has, self._left(options, began))
            except ApiError as error:
                if before is not None and (error.status, error.code) == (
                    before.status,
                    before.code,
                ):
                    raise before from None
                trait = hinted(call, error)
                if trait is None or trait in sure or trait not in traits:
                    raise
                sure.add(trait)
                has ^= {trait}
                before = error
                continue
            self._learn({trait: trait in has for trait in traits})
            return answer

    def _sent(self, call: ApiCall, has: set[Trait], options: Options) -> Awaitable[object]:
        return self._caller.call(otherwise(call, has) if has else call, options)

    def _left(self, options: Options, began: float) -> Options:
        if options.max_wait_s is None:
            return options
        passed_s = self._store.clock() - began
        return attrs.evolve(options, max_wait_s=max(0.0, options.max_wait_s - passed_s))

    def _learn(self, learned: dict[Trait, bool]) -> None:
        for trait, has in learned.items():
            if has and not self._known.get(trait):
                _log.info("%s %s", self._server, trait.value)
        self._know(self._known | learned)
        store, until = self._store, self._store.clock() + _KEPT_S
        if keeps_notes(store):
            text = msgspec.json.encode({t.name: has for t, has in self._known.items()}).decode()
            store.put_note(self._note, text, until=until)

    async def _recall(self) -> None:
        """Take in what was learned before, or by others."""
        if self._recalled or not keeps_notes(self._store):
            return
        self._recalled = True
        with suppress(QuotaStoreError):  # whoever takes a token next will say so
            note = await self._store.read_note(self._note)
            if note is not None:
                with suppress(msgspec.MsgspecError):
                    found = msgspec.json.decode(note.text, type=dict[str, bool])
                    known = {t: found[t.name] for t in Trait if t.name in found}
                    self._know(known | self._known)

    @property
    def _note(self) -> str:
        return f"dialect {self._server}"
