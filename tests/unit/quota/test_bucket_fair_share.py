"""The pure bucket and several batches that wait for it: each leaves the others their share."""

import pytest
from support.buckets import LEASE_S
from support.stores import a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Lane

BACK_S = 61.0


class Batches:
    """Lines of batches at a bucket whose tokens are all back at the same moment."""

    def __init__(self, threshold):
        self.bucket = Bucket(returning=[BACK_S] * threshold)
        self.quota = a_quota(threshold)
        self.number = 0

    def ask(self, asker, now=BACK_S, **options):
        self.number += 1
        return self.bucket.acquire(
            self.quota, self.number, now, LEASE_S, lane=Lane.BULK, queue_id=asker, **options
        )

    def gets(self, asker, now=BACK_S, **options):
        """How many tokens a line gets that asks until it is refused."""
        got = 0
        while self.ask(asker, now, **options) is None:
            got += 1
        return got


@pytest.mark.parametrize("reserve", [0, 1])
def test_batch_that_asks_first_and_fastest_leaves_the_other_one_as_many_as_it_takes(reserve):
    batches = Batches(6 + reserve)
    for asker in "ab":
        batches.ask(asker, 0.0, waiters=5, reserve=reserve)
    assert batches.gets("a", waiters=5, reserve=reserve) == 3
    refused = batches.ask("a", waiters=5, reserve=reserve)
    assert refused == (BACK_S, BACK_S + 0.05, BACK_S + 0.05, "reserved")
    assert batches.gets("b", waiters=5, reserve=reserve) == 3


def test_batch_that_does_not_ask_in_time_is_left_nothing():
    batches = Batches(4)
    for asker in "ab":
        batches.ask(asker, 0.0, waiters=5)
    assert batches.gets("a", waiters=5) == 2
    assert batches.ask("a", BACK_S + 0.24, waiters=5)
    assert batches.gets("a", BACK_S + 0.25, waiters=5) == 2


def test_batch_that_may_not_go_long_without_asking_counts_as_waiting_no_longer_than_that():
    batches = Batches(2)
    batches.ask("a", 0.0, waiters=2, max_sleep_s=1.0)
    assert batches.bucket.shares["a"].until == 1.25


@pytest.mark.parametrize(("people", "left"), [(1, 1), (2, 0)])
def test_batch_leaves_tokens_only_to_those_who_are_still_in_the_other_line(people, left):
    batches = Batches(4)
    for asker in "ab":
        batches.ask(asker, 0.0, waiters=5)
    assert batches.gets("a", waiters=5) == 2
    assert batches.ask("b", waiters=people) is None
    assert batches.gets("a", waiters=5) == left


def test_batch_counts_as_waiting_shortly_after_it_was_served():
    batches = Batches(4)
    for asker in "ab":
        batches.ask(asker, 0.0, waiters=5)
    batches.gets("a", waiters=5)
    assert batches.ask("b", BACK_S + 0.1, waiters=2) is None
    assert batches.ask("a", BACK_S + 0.34, waiters=5)
    assert batches.ask("a", BACK_S + 0.36, waiters=5) is None


def test_batch_leaves_nothing_to_one_that_leaves_more_to_others():
    batches = Batches(4)
    batches.ask("a", 0.0, waiters=5)
    batches.ask("b", 0.0, waiters=5, reserve=2)
    assert batches.gets("a", waiters=5) == 4


def test_batch_leaves_tokens_to_people_and_to_another_batch():
    batches = Batches(5)
    for asker in "ab":
        batches.ask(asker, 0.0, waiters=5)
    batches.bucket.acquire(batches.quota, 99, 0.0, LEASE_S, queue_id="c")
    assert batches.gets("a", waiters=5) == 2
    assert batches.gets("b", waiters=5) == 2


def test_what_lines_of_people_take_is_not_counted_in_turns():
    batches = Batches(2)
    batches.bucket.acquire(batches.quota, 99, 0.0, LEASE_S, queue_id="c")
    assert batches.bucket.acquire(batches.quota, 99, BACK_S, LEASE_S, queue_id="c") is None
    assert batches.bucket.shares == {}


def test_line_with_one_behind_who_was_served_waits_a_moment_longer():
    bucket, quota = Bucket(), a_quota(4)
    assert bucket.acquire(quota, 1, 10.0, LEASE_S, queue_id="a", waiters=2) is None
    assert bucket.snapshot(quota, 10.24).waiting == 1
    assert bucket.snapshot(quota, 10.25).waiting == 0
