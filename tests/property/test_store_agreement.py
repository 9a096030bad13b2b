"""A bucket behaves the same behind a store as alone, whatever is done to it."""

import asyncio
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.effort import tries
from support.stores import STORES_AT_ONCE, Clock, a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Lane, TokenOutcome

TOKENS = st.integers(1, 12)
QUOTA = a_quota(3)


def near(found, expected):
    """The same, but for the digits that a number loses on the way to another clock and back."""
    for value, other in zip(attrs.astuple(found), attrs.astuple(expected), strict=True):
        assert value == pytest.approx(other, abs=1e-5)


class Stores(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.bucket = Bucket()
        self.runner.run(self.open())

    async def open(self):
        self.stack = AsyncExitStack()
        self.stores = []
        for store in STORES_AT_ONCE[1:]:
            context = asynccontextmanager(store)(self.clock, Path(self.folder.name))
            self.stores.append(await self.stack.enter_async_context(context))

    @rule(
        token=TOKENS,
        reserve=st.integers(0, 3),
        lane=st.sampled_from(Lane),
        queue_id=st.sampled_from((None, 1, 2)),
        waiters=st.integers(1, 3),
        lease_s=st.sampled_from((20.0, 131.0)),
    )
    def take(self, token, lease_s, **options):
        now = self.clock()
        denied = self.bucket.acquire(QUOTA, token, now, lease_s, max_sleep_s=1.0, **options)
        for store in self.stores:
            found = self.runner.run(store.take(QUOTA, token, lease_s=lease_s, **options))
            assert found == pytest.approx(now if denied is None else denied, abs=1e-5)

    @rule(token=TOKENS, ending=st.sampled_from(TokenOutcome))
    def end(self, token, ending):
        self.bucket.end(QUOTA, token, self.clock(), ending)
        for store in self.stores:
            store.end(QUOTA, token, ending)

    @rule(token=TOKENS, wait_s=st.sampled_from((None, 5.0, 100.0)))
    def refuse(self, token, wait_s):
        now = self.clock()
        taken_at = self.bucket.held.get(token, now) - 131.0
        lock = self.bucket.refuse(QUOTA, token, now, taken_at, wait_s)
        for store in self.stores:
            store._taken_at.clear()  # as if another process had taken it
            found = store.refuse(QUOTA, token, taken_at=taken_at, wait_s=wait_s)
            near(self.runner.run(found), lock)

    @rule(seconds=st.sampled_from((0.1, 1.0, 30.0, 61.5, 602.0, 3600.0, 90_000.0)))
    def advance(self, seconds):
        self.clock.advance(seconds)

    @invariant()
    def look_the_same(self):
        expected = self.bucket.snapshot(QUOTA, self.clock())
        for store in self.stores:
            (found,) = self.runner.run(store.snapshots([QUOTA]))
            near(found, expected)

    def teardown(self):
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()


Stores.TestCase.settings = tries(40, stateful_step_count=30)
TestStores = Stores.TestCase
