"""All stores do the same, step by step, whatever is done to them."""

import asyncio
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.stores import STORES_AT_ONCE, Clock, a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Lane, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore

TOKENS = st.integers(1, 12)
ASK_AGAIN_S = 1.0


class Impatient(Bucket):
    """As the stores that several processes share: has those who were refused ask again soon."""

    def acquire(self, *args, **options):
        return super().acquire(*args, max_sleep_s=ASK_AGAIN_S, **options)


async def memory(clock, tmp_path):
    store = MemoryStore(clock=clock)
    store._new = lambda quota: store._buckets.setdefault(quota.key, Impatient())
    yield store


def near(one, other):
    """The same, but for what is lost when a number is written down."""
    values = [attrs.astuple(each) if attrs.has(type(each)) else each for each in (one, other)]
    for index, value in enumerate(values):
        if not isinstance(value, tuple):
            values[index] = (value,)
    left, right = values
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert a == pytest.approx(b, abs=1e-5), (one, other)


class Agreement(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.quota = a_quota(3)
        self.taken = {}
        self.runner.run(self.open())

    async def open(self):
        self.stack = AsyncExitStack()
        path = Path(self.folder.name)
        stores = [memory, *STORES_AT_ONCE[1:]]
        contexts = [asynccontextmanager(store)(self.clock, path) for store in stores]
        self.stores = [await self.stack.enter_async_context(each) for each in contexts]

    def all(self, do):
        async def ask():
            return [await do(store) for store in self.stores]

        first, *others = self.runner.run(ask())
        for other in others:
            near(first, other)
        return first

    @rule(
        token=TOKENS,
        reserve=st.integers(0, 3),
        lane=st.sampled_from(Lane),
        queue_id=st.sampled_from((None, 1, 2)),
        waiters=st.integers(1, 3),
        lease_s=st.sampled_from((20.0, 131.0)),
    )
    def take(self, token, **options):
        async def do(store):
            return await store.take(self.quota, token, **options)

        got = self.all(do)
        if isinstance(got, float):
            self.taken[token] = got

    @rule(token=TOKENS, ending=st.sampled_from(TokenOutcome))
    def end(self, token, ending):
        async def do(store):
            store.end(self.quota, token, ending)

        self.all(do)

    @rule(token=TOKENS, wait_s=st.sampled_from((None, 5.0, 100.0)))
    def refuse(self, token, wait_s):
        taken_at = self.taken.get(token, 0.0)
        self.all(lambda store: store.refuse(self.quota, token, taken_at=taken_at, wait_s=wait_s))

    @rule(seconds=st.sampled_from((0.1, 1.0, 30.0, 61.5, 602.0, 3600.0, 90_000.0)))
    def advance(self, seconds):
        self.clock.advance(seconds)

    @invariant()
    def look_the_same(self):
        async def do(store):
            (found,) = await store.snapshots([self.quota])
            return attrs.evolve(found, leases=tuple(sorted(found.leases)))

        self.all(do)

    def teardown(self):
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()


Agreement.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAgreement = Agreement.TestCase
