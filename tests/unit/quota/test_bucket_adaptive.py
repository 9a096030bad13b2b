"""What a lock teaches the pure bucket: fewer tokens, a wider margin, and when to try again."""

import pytest
from support.buckets import take
from support.stores import a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import TokenOutcome

HOUR = 3600.0


def locked(bucket, quota, now):
    """One request that is refused, and the reopening after it; returns when that was."""
    token = int(now * 1000) + 1
    assert take(bucket, quota, token, now)
    bucket.refuse(quota, token, now, now, 150.0)
    assert take(bucket, quota, token + 1, now + 151.0)
    bucket.end(quota, token + 1, now + 151.0, TokenOutcome.ANSWERED)
    return now + 151.0


def test_a_lock_teaches_a_fifth_fewer_tokens_and_twice_the_margin():
    bucket, quota = Bucket(), a_quota(50)
    locked(bucket, quota, 0.0)
    snapshot = bucket.snapshot(quota, 160.0)
    assert (snapshot.capacity, snapshot.threshold) == (40, 50)
    assert snapshot.period_s == 62.0


def test_a_bucket_of_one_keeps_its_one_token_however_often_it_is_locked():
    bucket, quota = Bucket(), a_quota(1)
    now = 0.0
    for _ in range(5):
        now = locked(bucket, quota, now) + 200.0
    assert bucket.capacity(quota, now) == 1


@pytest.mark.parametrize(
    ("threshold", "capacities"), [(2, [1, 1]), (4, [3, 2]), (9, [8, 7]), (12, [10, 8])]
)
def test_each_lock_takes_a_fifth_in_whole_tokens_and_at_least_one_but_never_the_last(
    threshold, capacities
):
    bucket, quota = Bucket(), a_quota(threshold)
    now, learned = 0.0, []
    for _ in capacities:
        now = locked(bucket, quota, now) + 200.0
        learned.append(bucket.capacity(quota, now))
    assert learned == capacities


def test_the_margin_never_grows_beyond_a_window():
    bucket, quota = Bucket(), a_quota(50)
    now = 0.0
    for _ in range(12):
        now = locked(bucket, quota, now) + 200.0
    assert bucket.snapshot(quota, now).period_s == 120.0


def test_a_lock_never_shortens_the_margin():
    bucket, quota = Bucket(), a_quota(50, margin_s=120.0)
    locked(bucket, quota, 0.0)
    assert bucket.snapshot(quota, 160.0).period_s == 180.0


def test_a_token_returns_each_clean_hour_but_not_up_to_what_was_locked():
    bucket, quota = Bucket(), a_quota(10)
    start = locked(bucket, quota, 0.0)
    assert bucket.capacity(quota, start) == 8
    assert bucket.capacity(quota, start + HOUR) == 9
    assert bucket.capacity(quota, start + 23 * HOUR) == 9
    assert bucket.capacity(quota, start + 25 * HOUR) == 10
    assert bucket.adaptive is None


def test_tokens_return_half_as_often_after_each_further_lock():
    bucket, quota = Bucket(), a_quota(50)
    locked(bucket, quota, 0.0)
    start = locked(bucket, quota, 500.0)
    assert bucket.capacity(quota, start) == 32
    assert bucket.capacity(quota, start + 1.9 * HOUR) == 32
    assert bucket.capacity(quota, start + 2.1 * HOUR) == 33


def test_what_was_locked_is_tried_again_a_day_after_the_lock():
    bucket, quota = Bucket(), a_quota(10)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 0.0)
    assert bucket.adaptive is not None
    assert bucket.adaptive.ceiling_until == 24 * HOUR
    assert bucket.capacity(quota, 24 * HOUR) == 9
    assert bucket.capacity(quota, 24 * HOUR + 1.0) == 10


def test_a_bucket_of_two_is_left_with_one():
    bucket, quota = Bucket(), a_quota(2)
    locked(bucket, quota, 0.0)
    assert bucket.capacity(quota, 160.0) == 1


def test_a_lock_teaches_a_margin_where_there_was_none():
    bucket, quota = Bucket(), a_quota(50, margin_s=0.0)
    locked(bucket, quota, 0.0)
    assert bucket.snapshot(quota, 160.0).period_s == 61.0


def test_a_refused_request_spends_its_token_for_a_period():
    bucket, quota = Bucket(), a_quota(3)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 5.0, 0.0, 600.0)
    snapshot = bucket.snapshot(quota, 5.0)
    assert (snapshot.leases, snapshot.returns) == ((), (66.0,))


def test_a_refusal_of_a_request_from_the_moment_of_the_reopening_begins_a_lock():
    bucket, quota = Bucket(), a_quota(10)
    now = locked(bucket, quota, 0.0)
    assert take(bucket, quota, 7, now)
    again = bucket.refuse(quota, 7, now + 1.0, now, 600.0)
    assert (again.first, again.capacity) == (True, 7)


def test_what_is_learned_lives_in_the_servers_own_time():
    bucket, quota = Bucket(), a_quota(10, time_scale=60.0)
    take(bucket, quota, 1, 0.0)
    assert bucket.refuse(quota, 1, 0.0, 0.0, None).until == pytest.approx(601.0 / 60)
    assert bucket.capacity(quota, 10.1 + HOUR / 60) == 9
    assert bucket.capacity(quota, 10.1 + 23 * HOUR / 60) == 9
    assert bucket.capacity(quota, 10.1 + 25 * HOUR / 60) == 10
    assert bucket.adaptive is None
