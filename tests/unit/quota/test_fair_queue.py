"""A lane's line, whose jobs take turns; and the turns of several lines at one bucket."""

import asyncio

import pytest
from hypothesis import given, strategies as st
from support.scripted import moved
from support.stores import Clock, a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.fair_queue import FairQueue, Waiter
from cliq_async.quota.fair_share import Share, tokens_owed
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Denied, Lane, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore

QUOTA = a_quota(10)
LOOP = asyncio.new_event_loop()
LOOP.close()


def a_waiter(job=None, reserve=0):
    future = asyncio.Future(loop=LOOP)
    return Waiter(QUOTA, Lane.BULK, future, None, reserve, 1.0, 1.0, job)


def a_line(jobs):
    line = FairQueue()
    for job in jobs:
        line.add(a_waiter(job))
    return line


def served(line):
    """Who is served, one after the other, to the last."""
    while (waiter := line.first()) is not None:
        yield waiter
        line.pop_served(waiter)


def jobs_of(waiters):
    return "".join(waiter.job for waiter in waiters)


@pytest.mark.parametrize(
    ("arrived", "order"),
    [("aaaa", "aaaa"), ("aaab", "abaa"), ("aabbcc", "abcabc"), ("abbbbc", "abcbbb")],
)
def test_jobs_take_turns(arrived, order):
    assert jobs_of(served(a_line(arrived))) == order


def test_job_that_comes_back_goes_behind_those_in_line():
    line = a_line("aab")
    for _ in range(2):
        waiter = line.first()
        assert waiter is not None
        line.pop_served(waiter)
    line.add(a_waiter("b"))
    assert jobs_of(served(line)) == "ab"


@given(st.text("abc", max_size=8), st.integers(0, 8), st.text("abc", max_size=4))
def test_line_tells_the_order_in_which_it_serves(arrived, number, left):
    line = a_line(arrived)
    for _ in range(min(number, len(line))):
        waiter = line.first()
        assert waiter is not None
        line.pop_served(waiter)
    for job in left:
        for waiter in [each for each in line if each.job == job][:1]:
            assert line.is_head(waiter)
            assert waiter in line
            line.remove(waiter)
            assert waiter not in line
    order = list(line)
    assert len(line) == len(order)
    for job in "abcd":
        newcomer = a_waiter(job)
        before = line.ahead_of(newcomer)
        line.add(newcomer)
        expected = list(line)
        assert before == expected[: expected.index(newcomer)]
        line.remove(newcomer)
    assert list(served(line)) == order


def test_who_leaves_more_to_others_is_not_sure_to_be_served_before():
    line = a_line("ab")
    line.add(a_waiter("c", reserve=5))
    assert jobs_of(line.ahead_of(a_waiter("d"))) == "ab"
    assert jobs_of(line.ahead_of(a_waiter("d", reserve=5))) == "abc"


def test_who_was_refused_before_anybody_came_goes_first():
    line, refused = a_line("ab"), a_waiter("b")
    line.add(refused, first=True)
    assert line.first() is refused
    assert jobs_of(served(line)) == "bab"


def test_who_leaves_as_many_to_others_as_are_free_is_passed_over():
    line, modest = FairQueue(), a_waiter("b", reserve=4)
    line.add(a_waiter("a", reserve=5))
    line.add(modest)
    assert line.first(below=5) is modest
    assert line.first(below=4) is None


def test_token_taken_for_one_is_good_for_who_leaves_no_more_to_others():
    taken_for = a_waiter(reserve=3)
    assert a_waiter(reserve=2).covers(taken_for)
    assert a_waiter(reserve=3).covers(taken_for)
    assert not a_waiter(reserve=4).covers(taken_for)


# In a queue.


@moved
async def test_batch_that_leaves_less_to_others_takes_what_is_left_at_once():
    quota, loop = a_quota(5), asyncio.get_running_loop()
    limiter = Limiter.of(MemoryStore(clock=loop.time))
    for _ in range(2):
        await limiter.acquire(quota)
    modest = loop.create_task(limiter.acquire(quota, lane=Lane.BULK, reserve=3, job="a"))
    await asyncio.sleep(1.0)
    assert not modest.done()
    for _ in range(3):
        await limiter.acquire(quota, lane=Lane.BULK, reserve=0, job="b")
    assert loop.time() == 1.0
    modest.cancel()


@moved
async def test_batch_that_leaves_more_to_others_is_served_when_there_is_more():
    quota, loop = a_quota(3), asyncio.get_running_loop()
    limiter = Limiter.of(MemoryStore(clock=loop.time))
    tokens = [await limiter.acquire(quota) for _ in range(3)]
    order = []

    async def one(job, reserve):
        await limiter.acquire(quota, lane=Lane.BULK, reserve=reserve, job=job)
        order.append(job)

    tasks = [loop.create_task(one(*each)) for each in (("a", 2), ("b", 0), ("b", 0))]
    await asyncio.sleep(1.0)
    for token in tokens[:2]:
        token.end(TokenOutcome.NEVER_SENT)
    await asyncio.sleep(1.0)
    assert order == ["b", "b"]
    tokens[2].end(TokenOutcome.ANSWERED)
    await asyncio.sleep(1200.0)  # the leases of all are over
    assert order == ["b", "b", "a"]
    await asyncio.wait(tasks)


# Several lines.


def lines(**turns) -> dict[int | str, Share]:
    """By name: until when it waits, how many, what they leave to others, what it was given."""
    return {name: Share(*each) for name, each in turns.items()}


def test_line_leaves_as_many_as_it_was_given_more():
    turns = lines(a=(9.0, 5, 0, 7), b=(9.0, 2, 0, 4), c=(9.0, 5, 0, 6))
    assert tokens_owed(turns, "a", 1.0, 0) == (7, 3)
    assert tokens_owed(turns, "b", 1.0, 0) == (4, 0)


def test_line_leaves_no_more_than_are_waited_for():
    turns = lines(a=(9.0, 5, 0, 7), b=(9.0, 1, 0, 2))
    assert tokens_owed(turns, "a", 1.0, 0) == (7, 1)


def test_line_that_does_not_ask_in_time_is_left_nothing_and_forgotten():
    turns = lines(a=(9.0, 5, 0, 7), b=(0.5, 9, 0, 2))
    assert tokens_owed(turns, "a", 1.0, 0) == (0, 0)
    assert "b" not in turns


def test_line_that_leaves_more_to_others_is_left_nothing():
    turns = lines(a=(9.0, 5, 0, 7), b=(9.0, 5, 3, 2))
    assert tokens_owed(turns, "a", 1.0, 0) == (7, 0)
    assert tokens_owed(turns, "a", 1.0, 3) == (7, 5)


def test_newcomer_begins_with_the_line_that_was_given_least():
    turns = lines(a=(9.0, 5, 0, 7), b=(9.0, 5, 0, 4))
    assert tokens_owed(turns, "c", 1.0, 0) == (4, 0)


def test_line_that_comes_back_is_not_given_what_it_did_not_ask_for():
    turns = lines(a=(9.0, 5, 0, 700), b=(9.0, 0, 0, 4))
    assert tokens_owed(turns, "b", 1.0, 0) == (700, 0)
    turns = lines(a=(9.0, 5, 0, 700), b=(9.0, 0, 0, 701))
    assert tokens_owed(turns, "b", 1.0, 0) == (701, 1), "nor is forgotten what it was given"


def test_burst_is_parted_among_lines_however_fast_they_ask():
    clock = Clock()
    bucket = Bucket(returning=[clock() + 1.0] * 10)
    for line in ("a", "b"):  # one that is refused is known to wait
        assert not _ask(bucket, clock, line)
    clock.advance(1.0)
    assert sum(_ask(bucket, clock, "a") for _ in range(10)) == 5
    assert sum(_ask(bucket, clock, "b") for _ in range(10)) == 5


def _ask(bucket, clock, line):
    token = f"{line}{len(bucket.held)}"
    got = bucket.acquire(
        QUOTA, token, clock(), 60.0, lane=Lane.BULK, queue_id=line, waiters=50, max_sleep_s=1.0
    )
    assert got is None or isinstance(got, Denied)
    return got is None
