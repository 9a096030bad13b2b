"""The pure bucket at the very moments that divide, and with tokens whose leases are over."""

from stores import a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Ending

LEASE_S = 1000.0


def take(bucket, quota, token, now, *, lease_s=LEASE_S, reserve=0):
    return bucket.take(quota, token, now, lease_s, reserve)


def test_refusal_of_a_request_whose_lease_is_over_closes_the_bucket_all_the_same():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0, lease_s=10.0)
    assert bucket.snapshot(quota, 20.0).leases == ()
    lock = bucket.refuse(quota, 1, 20.0, 0.0, 100.0)
    assert (lock.until, lock.first) == (121.0, True)
    assert not take(bucket, quota, 2, 120.0)


def test_request_that_goes_at_the_moment_of_the_reopening_may_begin_the_next_lock():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 2, 5.0)
    bucket.end(quota, 2, 6.0, Ending.ANSWERED)
    take(bucket, quota, 3, 6.0)
    assert bucket.refuse(quota, 3, 7.0, 6.0, 2.0).first


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
    assert bucket.end(quota, 3, 51.0, Ending.ANSWERED)
    assert take(bucket, quota, 4, 51.0)


def test_token_that_ends_after_a_lock_comes_back_with_the_margin_that_was_learned():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 2, 70.0)
    bucket.end(quota, 2, 70.0, Ending.ANSWERED)
    assert bucket.snapshot(quota, 71.0).returns == (70.0 + 62.0,)


def test_lock_doubles_no_margin_into_nothing_but_into_a_second():
    bucket, quota = Bucket(), a_quota(5, margin_s=0.0)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    assert bucket.snapshot(quota, 1.0).period_s == 61.0


def test_token_of_a_request_given_up_after_a_lock_comes_back_later_still():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 2, 70.0)
    bucket.end(quota, 2, 70.0, Ending.ABANDONED)
    assert bucket.snapshot(quota, 71.0).returns == (70.0 + 62.0 + 30.0,)
