"""The pure bucket at the very moments that divide, and with tokens whose leases are over."""

from support.buckets import LEASE_S, take
from support.stores import a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import TokenOutcome


def test_refusal_of_a_request_whose_lease_is_over_closes_the_bucket_all_the_same():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0, lease_s=10.0)
    assert bucket.snapshot(quota, 20.0).leases == ()
    lock = bucket.refuse(quota, 1, 20.0, 0.0, 100.0)
    assert (lock.until, lock.first) == (121.0, True)
    assert not take(bucket, quota, 2, 120.0)


def test_probe_whose_lease_was_seen_to_be_over_is_followed_by_another():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    assert take(bucket, quota, 2, 700.0, lease_s=50.0)
    assert bucket.snapshot(quota, 751.0).leases == ()
    assert take(bucket, quota, 3, 751.0)


def test_late_refusal_of_another_request_lets_no_second_one_try_out_the_lock():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    take(bucket, quota, 2, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    assert take(bucket, quota, 3, 5.0)
    bucket.refuse(quota, 2, 6.0, 0.0, 2.0)
    assert not take(bucket, quota, 4, 50.0)
    assert bucket.end(quota, 3, 51.0, TokenOutcome.ANSWERED)
    assert take(bucket, quota, 4, 51.0)


def test_token_that_ends_after_a_lock_comes_back_with_the_margin_that_was_learned():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 2, 70.0)
    bucket.end(quota, 2, 70.0, TokenOutcome.ANSWERED)
    assert bucket.snapshot(quota, 71.0).returns == (70.0 + 62.0,)


def test_token_of_a_request_given_up_after_a_lock_comes_back_later_still():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 2, 70.0)
    bucket.end(quota, 2, 70.0, TokenOutcome.ABANDONED)
    assert bucket.snapshot(quota, 71.0).returns == (70.0 + 62.0 + 30.0,)


def test_who_is_refused_after_a_lock_is_told_by_what_the_lock_has_taught():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 2, 70.0)
    bucket.end(quota, 2, 70.0, TokenOutcome.ANSWERED)
    assert all(take(bucket, quota, token, 71.0) for token in (3, 4, 5))
    assert not take(bucket, quota, 6, 72.0)
    assert bucket.next_chance(quota, 72.0).earliest_at == 70.0 + 62.0
    assert not take(bucket, quota, 6, 72.0, reserve=1)
    assert bucket.next_chance(quota, 72.0, 1).earliest_at == 72.0 + 62.0


def test_lock_says_nothing_more_at_its_end_where_a_token_is_free_now():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    assert bucket.next_chance(quota, 600.9).locked
    assert bucket.next_chance(quota, 601.0) == (601.0, 601.0, 601.0, "reserved")


def test_what_is_soon_on_a_fast_server_is_a_share_of_its_window():
    quota = a_quota(3, time_scale=600.0)
    bucket = Bucket(returning=[0.100, 0.103, 0.120])
    assert bucket.next_chance(quota, 0.0) == (0.100, 0.100, 0.103, "spent")


def test_nothing_is_left_to_others_unless_somebody_says_so():
    bucket, quota = Bucket(), a_quota(2)
    assert all(bucket.try_take(quota, token, 0.0, LEASE_S) for token in (1, 2))


def test_what_was_learned_is_over_with_the_token_that_makes_the_threshold_whole():
    bucket, quota = Bucket(), a_quota(10)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    day_s = 24 * 3600.0
    assert bucket.capacity(quota, day_s) == 9
    assert bucket.adaptive is not None
    assert bucket.capacity(quota, 3.0 + day_s) == 10
    assert bucket.adaptive is None
