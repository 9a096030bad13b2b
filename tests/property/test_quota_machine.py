"""A state machine that does anything to bucket and limiter, and a model that watches.

The model knows each token's life: when it was taken, and until when its request may reach the
server. Two promises are checked after every step: no window holds more requests than the
threshold, wherever in its life each of them arrives; and no token is lost or made twice.
"""

import asyncio
import tempfile
from math import inf
from pathlib import Path
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)
from support.effort import tries
from support.stores import inline_sqlite

from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaWaitError
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane, Quota, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import VirtualTimeLoop

N = 3
WINDOW_S = 60.0
STRAGGLER_S = 30.0
LEASE_S = 5000.0


class WatchedStore:
    """Tells the model what a store does, and answers a few turns of the loop after that."""

    turns = 0

    def __init__(self, store, model):
        self.store = store
        self.model = model
        self.clock = store.clock
        self.snapshots, self.watch = store.snapshots, store.watch

    async def take(self, quota, token, **options):
        got = await self.store.take(quota, token, **options)
        if isinstance(got, float):
            self.model.taken(token)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return got

    def end(self, quota, token, ending):
        self.model.ended(token, ending)
        self.store.end(quota, token, ending)

    async def refuse(self, quota, token, *, taken_at, wait_s):
        self.model.refused(token, wait_s)
        return await self.store.refuse(quota, token, taken_at=taken_at, wait_s=wait_s)


@attrs.define
class Life:
    """A token from the model's point of view.

    Attributes:
        taken_at: Nothing can arrive before.
        arrives_by: Nothing can arrive after; infinite while it is under way.
    """

    taken_at: float
    arrives_by: float = inf


class QuotaMachine(RuleBasedStateMachine):
    waiters = Bundle("waiters")
    tokens = Bundle("tokens")

    def __init__(self):
        super().__init__()
        self.loop = VirtualTimeLoop()
        asyncio.set_event_loop(None)
        limit = Limit(N, WINDOW_S, 600.0)
        self.quota = Quota.of("e", limit, host="h", margin_s=1.0, straggler_s=STRAGGLER_S)
        self.store: Any = WatchedStore(self.a_store(), self)
        self.tasks = {}
        self.lives = {}
        self.held = []
        self.locked_until = -inf
        self.probe = self.reopening = None

    def a_store(self) -> Any:
        return MemoryStore(clock=self.loop.time)

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    async def turns(self, number):
        for _ in range(number):
            await asyncio.sleep(0)

    async def acquire(self, options):
        token = await Limiter.of(self.store).acquire(self.quota, lease_s=LEASE_S, **options)
        self.held.append(token)
        return token

    def taken(self, number):
        now = self.loop.time()
        assert now >= self.locked_until, "nothing goes out during a lock"
        if self.reopening:
            assert self.probe is None, "one request alone tries out whether a lock is over"
            self.probe = number
        self.lives[number] = Life(now)

    def ended(self, number, ending):
        life = self.lives.get(number)
        if life is None:
            assert ending is TokenOutcome.NEVER_SENT, (
                "only a refund may name a token that was not had"
            )
            return
        assert life.arrives_by == inf, "a token ends once"
        if number == self.probe:
            self.probe = None
            self.reopening = self.reopening and ending is not TokenOutcome.ANSWERED
        if ending is TokenOutcome.NEVER_SENT:
            del self.lives[number]
        else:
            late = STRAGGLER_S if ending is TokenOutcome.ABANDONED else 0.0
            life.arrives_by = self.loop.time() + late

    def refused(self, number, wait_s):
        self.lives[number].arrives_by = self.loop.time()
        self.reopening = True
        self.probe = None if number == self.probe else self.probe
        until = self.loop.time() + (600.0 if wait_s is None else wait_s)
        self.locked_until = max(self.locked_until, until)

    @rule(
        target=waiters,
        reserve=st.sampled_from((None, None, 0, 1, N)),
        patience=st.sampled_from((None, None, None, 0.0, 50.0, 100.0)),
        number=st.integers(1, 4),
        turns=st.integers(0, 4),
    )
    def acquire_some(self, reserve, patience, number, turns):
        options = {} if reserve is None else {"lane": Lane.BULK, "reserve": reserve}
        if patience is not None:
            options["deadline"] = self.loop.time() + patience
        new = [self.loop.create_task(self.acquire(options)) for _ in range(number)]
        self.tasks.update(dict.fromkeys(new, reserve or 0))
        self.run(self.turns(turns))
        return multiple(*new)

    @rule(turns=st.integers(0, 3))
    def answer_as_slowly_as(self, turns):
        self.store.turns = turns

    @rule(turns=st.integers(1, 30))
    def let_run(self, turns):
        self.run(self.turns(turns))

    @rule(seconds=st.sampled_from((1.0, 30.0, 60.0, 61.5, 75.0, 91.5, 602.0)))
    def let_time_pass(self, seconds):
        self.run(asyncio.sleep(seconds))

    @rule(seconds=st.floats(0.0, 5.0))
    def stall(self, seconds):
        self.loop.advance(seconds)

    @rule(task=consumes(waiters), turns=st.integers(0, 3))
    def cancel(self, task, turns):
        task.cancel()
        self.run(self.turns(turns))

    def pick(self, number):
        return self.held.pop(number % len(self.held)) if self.held else None

    @rule(number=st.integers(0, 20), ending=st.sampled_from(TokenOutcome), turns=st.integers(0, 3))
    def end(self, number, ending, turns):
        token = self.pick(number)
        if token is not None:
            token.end(ending)
        self.run(self.turns(turns))

    @rule(number=st.integers(0, 20), wait_s=st.sampled_from((None, 1.0, 50.0)))
    def refuse(self, number, wait_s):
        token = self.pick(number)
        if token is not None:
            self.run(token.refuse(wait_s))

    @invariant()
    def no_window_holds_more_than_the_threshold(self):
        """Each window that ends where a token was taken; no other can hold more."""
        lives = list(self.lives.values())
        for last in lives:
            start = last.taken_at - WINDOW_S
            inside = [x for x in lives if x.taken_at <= last.taken_at and x.arrives_by > start]
            assert len(inside) <= N, (last, inside)

    @invariant()
    def a_waiter_with_a_token_has_been_told(self):
        for task in self.tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                assert isinstance(task.exception(), QuotaWaitError)

    @rule(turns=st.integers(0, 8), slow=st.integers(1, 3))
    def acquire_and_cancel(self, turns, slow):
        self.store.turns, before = slow, self.store.turns
        task = self.loop.create_task(self.acquire({}))
        self.run(self.turns(turns))
        self.store.turns = before
        task.cancel()
        self.tasks[task] = 0

    @rule()
    def nobody_waits_while_a_token_is_free_for_them(self):
        self.run(self.turns(80))
        (snapshot,) = self.run(self.store.snapshots([self.quota]))
        left = [reserve for task, reserve in self.tasks.items() if not task.done()]
        assert not left or snapshot.free <= min(max(left), snapshot.capacity - 1), snapshot

    def teardown(self):
        """Everything ends; after that, all tokens must be there again."""
        for task in self.tasks:
            task.cancel()
        self.run(self.turns(60))
        for token in self.held:
            token.end(TokenOutcome.ANSWERED)
        self.run(asyncio.sleep(2000.0))
        snapshot = self.run(self.store.snapshots([self.quota]))[0]
        if snapshot.reopening:
            self.run(self.acquire({})).end(TokenOutcome.NEVER_SENT)
            snapshot = self.run(self.store.snapshots([self.quota]))[0]
        assert snapshot.leases == ()
        assert snapshot.returns == ()
        assert 1 <= snapshot.capacity <= N
        self.loop.close()


class SqliteMachine(QuotaMachine):
    def a_store(self):
        self.folder = tempfile.TemporaryDirectory()
        self.file = inline_sqlite(Path(self.folder.name) / "quota.db", self.loop.time, boot="one")
        return self.file

    def teardown(self):
        super().teardown()
        self.run_in_a_new_loop(self.file.close())
        self.folder.cleanup()

    @staticmethod
    def run_in_a_new_loop(coroutine):
        with asyncio.Runner() as runner:
            runner.run(coroutine)


QuotaMachine.TestCase.settings = tries(100, stateful_step_count=40)
SqliteMachine.TestCase.settings = tries(20, stateful_step_count=40)
TestQuota = QuotaMachine.TestCase
TestQuotaInAFile = SqliteMachine.TestCase
