"""The pure bucket: each way for a token to end, locks, and what they teach."""

import attrs
import pytest
from hypothesis import given, strategies as st
from support.buckets import take
from support.stores import a_quota

from cliq_async.endpoints import Limit
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota, TokenOutcome

HOUR = 3600.0


def spend_all(bucket, quota, now):
    tokens = list(range(1000, 1000 + quota.threshold))
    assert all(take(bucket, quota, token, now) for token in tokens)
    return tokens


def test_as_many_tokens_as_the_threshold_and_not_one_more():
    bucket, quota = Bucket(), a_quota(3)
    spend_all(bucket, quota, 0.0)
    assert not take(bucket, quota, 9, 0.0)


@pytest.mark.parametrize(
    ("ending", "back_after"),
    [(TokenOutcome.NEVER_SENT, 0.0), (TokenOutcome.ANSWERED, 61.0), (TokenOutcome.ABANDONED, 91.0)],
)
def test_a_token_is_back_as_its_ending_says_counted_from_the_end(ending, back_after):
    bucket, quota = Bucket(), a_quota(1)
    assert take(bucket, quota, 1, 0.0)
    bucket.end(quota, 1, 5.0, ending)
    if back_after:
        assert not take(bucket, quota, 2, 5.0 + back_after - 0.001)
    assert take(bucket, quota, 2, 5.0 + back_after)


def test_a_held_token_does_not_come_back_with_time_but_with_its_lease():
    bucket, quota = Bucket(), a_quota(1)
    assert take(bucket, quota, 1, 0.0, lease_s=500.0)
    assert not take(bucket, quota, 2, 499.9)
    assert take(bucket, quota, 2, 500.0)


def test_a_take_is_idempotent_by_its_id_even_when_the_bucket_is_empty():
    bucket, quota = Bucket(), a_quota(1)
    assert take(bucket, quota, 1, 0.0)
    assert take(bucket, quota, 1, 1.0)
    assert len(bucket.held) == 1


def test_a_token_that_outlived_its_lease_counts_its_request_all_the_same():
    bucket, quota = Bucket(), a_quota(1)
    take(bucket, quota, 1, 0.0, lease_s=10.0)
    assert take(bucket, quota, 2, 10.0)
    bucket.end(quota, 2, 11.0, TokenOutcome.NEVER_SENT)
    bucket.end(quota, 1, 11.0, TokenOutcome.ANSWERED)
    assert not take(bucket, quota, 3, 71.9)
    assert take(bucket, quota, 3, 72.0)


def test_a_refund_of_a_token_that_is_not_held_makes_none():
    bucket, quota = Bucket(), a_quota(1)
    assert take(bucket, quota, 1, 0.0)
    assert not bucket.end(quota, 77, 0.0, TokenOutcome.NEVER_SENT)
    assert not take(bucket, quota, 2, 0.0)


def test_a_reserve_is_left_to_others():
    bucket, quota = Bucket(), a_quota(3)
    assert take(bucket, quota, 1, 0.0, reserve=1)
    assert take(bucket, quota, 2, 0.0, reserve=1)
    assert not take(bucket, quota, 3, 0.0, reserve=1)
    assert take(bucket, quota, 4, 0.0)


def test_a_reserve_as_large_as_the_threshold_still_lets_one_through_at_a_time():
    bucket, quota = Bucket(), a_quota(3)
    assert take(bucket, quota, 1, 0.0, reserve=50)
    assert not take(bucket, quota, 2, 0.0, reserve=50)


def test_a_lock_closes_for_what_the_refusal_says_and_a_second_more():
    bucket, quota = Bucket(), a_quota(3)
    take(bucket, quota, 1, 0.0)
    lock = bucket.refuse(quota, 1, 1.0, 0.0, 84.0)
    assert lock.until == 1.0 + 84.0 + 1.0
    assert not take(bucket, quota, 2, 85.9)
    assert take(bucket, quota, 2, 86.0)


def test_a_refusal_that_says_nothing_closes_for_the_documented_period():
    bucket, quota = Bucket(), a_quota(3)
    take(bucket, quota, 1, 0.0)
    assert bucket.refuse(quota, 1, 0.0, 0.0, None).until == 601.0


def test_the_latest_refusal_of_a_burst_decides_and_only_the_first_begins_the_lock():
    bucket, quota = Bucket(), a_quota(5)
    tokens = spend_all(bucket, quota, 0.0)
    locks = [
        bucket.refuse(quota, token, 0.1, 0.0, wait_s)
        for token, wait_s in zip(tokens, (100.0, 300.0, None, 5.0, 200.0), strict=True)
    ]
    assert [lock.first for lock in locks] == [True, False, False, False, False]
    assert locks[-1].until == 0.1 + 600.0 + 1.0
    assert locks[-1].capacity == 4


def test_after_a_lock_one_request_alone_tries_it_out_then_the_rest():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    assert take(bucket, quota, 2, 700.0)
    assert not take(bucket, quota, 3, 700.0)
    assert bucket.snapshot(quota, 700.0).free == 0
    assert bucket.end(quota, 2, 701.0, TokenOutcome.ANSWERED)
    assert take(bucket, quota, 3, 701.0)
    assert take(bucket, quota, 4, 701.0)


@pytest.mark.parametrize("ending", [TokenOutcome.NEVER_SENT, TokenOutcome.ABANDONED])
def test_a_probe_without_an_answer_proves_nothing_and_another_one_follows(ending):
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    assert take(bucket, quota, 2, 700.0)
    assert bucket.end(quota, 2, 701.0, ending)
    assert take(bucket, quota, 3, 701.0)
    assert not take(bucket, quota, 4, 701.0)


def test_a_probe_that_is_refused_closes_again_without_teaching_twice():
    bucket, quota = Bucket(), a_quota(10)
    take(bucket, quota, 1, 0.0)
    first = bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    take(bucket, quota, 2, 700.0)
    second = bucket.refuse(quota, 2, 700.5, 700.0, 600.0)
    assert (first.first, second.first) == (True, False)
    assert (first.capacity, second.capacity) == (8, 8)
    assert not take(bucket, quota, 3, 1301.4)
    assert take(bucket, quota, 3, 1301.6)


def test_a_probe_whose_process_died_is_followed_by_another_when_its_lease_ends():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    assert take(bucket, quota, 2, 700.0, lease_s=50.0)
    assert bucket.snapshot(quota, 700.0).probe_until == 750.0
    assert not take(bucket, quota, 3, 749.0)
    assert take(bucket, quota, 3, 750.0)


def test_a_late_refusal_of_a_request_from_before_the_reopening_teaches_nothing():
    bucket, quota = Bucket(), a_quota(10)
    take(bucket, quota, 1, 0.0)
    take(bucket, quota, 2, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 2.0)
    take(bucket, quota, 3, 5.0)
    bucket.end(quota, 3, 6.0, TokenOutcome.ANSWERED)
    late = bucket.refuse(quota, 2, 7.0, 0.0, 2.0)
    assert not late.first
    assert late.capacity == 8


def test_an_answer_to_an_old_request_does_not_open_a_lock():
    bucket, quota = Bucket(), a_quota(5)
    take(bucket, quota, 1, 0.0)
    take(bucket, quota, 2, 0.0)
    bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
    assert not bucket.end(quota, 2, 1.0, TokenOutcome.ANSWERED)
    assert not take(bucket, quota, 3, 2.0)


def test_a_threshold_given_anew_is_held_at_once():
    bucket = Bucket()
    wide, narrow = a_quota(5), a_quota(2)
    spend_all(bucket, wide, 0.0)
    bucket.end(wide, 1000, 0.0, TokenOutcome.NEVER_SENT)
    assert not take(bucket, narrow, 1, 0.0)
    assert take(bucket, wide, 1, 0.0)


class TestSnapshot:
    def test_counts_what_is_free(self):
        bucket, quota = Bucket(), a_quota(3)
        take(bucket, quota, 1, 0.0)
        take(bucket, quota, 2, 0.0)
        bucket.end(quota, 2, 1.0, TokenOutcome.ANSWERED)
        snapshot = bucket.snapshot(quota, 2.0)
        assert (snapshot.free, snapshot.leases, snapshot.returns) == (1, (1000.0,), (62.0,))
        assert bucket.snapshot(quota, 62.0).free == 2

    def test_only_one_is_free_while_a_lock_waits_to_be_tried_out(self):
        bucket, quota = Bucket(), a_quota(5)
        take(bucket, quota, 1, 0.0)
        bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
        assert bucket.snapshot(quota, 10.0).free == 0
        assert bucket.snapshot(quota, 10.0).locked
        assert bucket.snapshot(quota, 700.0).free == 1

    def test_the_earliest_is_now_while_tokens_are_free(self):
        snapshot = Bucket().snapshot(a_quota(3), 5.0)
        assert [snapshot.earliest(position) for position in range(4)] == [5.0, 5.0, 5.0, 66.0]

    def test_who_waits_behind_many_waits_for_whole_periods(self):
        bucket, quota = Bucket(), a_quota(3)
        for number, token in enumerate(spend_all(bucket, quota, 0.0)):
            bucket.end(quota, token, float(number), TokenOutcome.ANSWERED)
        snapshot = bucket.snapshot(quota, 10.0)
        assert [snapshot.earliest(p) for p in range(4)] == [61.0, 62.0, 63.0, 122.0]

    def test_a_request_under_way_counts_as_answered_now(self):
        bucket, quota = Bucket(), a_quota(1)
        take(bucket, quota, 1, 0.0)
        assert bucket.snapshot(quota, 10.0).earliest() == 71.0

    def test_a_lease_that_ends_before_that_is_known(self):
        bucket, quota = Bucket(), a_quota(1)
        take(bucket, quota, 1, 0.0, lease_s=30.0)
        assert bucket.snapshot(quota, 10.0).earliest() == 30.0

    def test_a_lock_holds_everybody_up(self):
        bucket, quota = Bucket(), a_quota(5)
        take(bucket, quota, 1, 0.0)
        bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
        assert bucket.snapshot(quota, 10.0).earliest() == 601.0

    def test_a_reserve_delays_who_leaves_it(self):
        bucket, quota = Bucket(), a_quota(3)
        for number, token in enumerate(spend_all(bucket, quota, 0.0)):
            bucket.end(quota, token, float(number), TokenOutcome.ANSWERED)
        snapshot = bucket.snapshot(quota, 10.0)
        assert [snapshot.earliest(0, reserve) for reserve in (0, 1, 2, 9)] == [61, 62, 63, 63]

    def test_waiting_for_a_probe_lasts_until_its_lease_unless_somebody_says_so(self):
        bucket, quota = Bucket(), a_quota(5)
        take(bucket, quota, 1, 0.0)
        bucket.refuse(quota, 1, 0.0, 0.0, 600.0)
        assert bucket.next_chance(quota, 10.0) == (601.0, 601.0, 601.0, "locked")
        assert not bucket.next_chance(quota, 601.0).locked
        take(bucket, quota, 2, 700.0, lease_s=100.0)
        assert bucket.next_chance(quota, 710.0) == (710.0, 800.0, 800.0, "reopening")

    def test_tokens_that_come_back_right_after_each_other_are_worth_one_wait(self):
        bucket, quota = Bucket(), a_quota(4, margin_s=0.0)
        moments = (0.0, 0.010, 0.024, 0.5)
        for token, moment in zip(spend_all(bucket, quota, 0.0), moments, strict=True):
            bucket.end(quota, token, moment, TokenOutcome.ANSWERED)
        assert bucket.next_chance(quota, 1.0) == (60.0, 60.0, 60.024, "spent")
        assert bucket.next_chance(quota, 1.0, 2).retry_many_at == 60.024
        assert bucket.next_chance(quota, 1.0, 3).retry_many_at == 60.5

    def test_soon_after_each_other_is_less_where_windows_are_short(self):
        bucket, quota = Bucket(), a_quota(3, margin_s=0.0, time_scale=240.0)
        for token, moment in zip(spend_all(bucket, quota, 0.0), (0.0, 0.0078125, 0.5), strict=True):
            bucket.end(quota, token, moment, TokenOutcome.ANSWERED)
        assert bucket.next_chance(quota, 0.0).retry_many_at == 0.25 + 0.0078125
        bucket.returning[1] += 0.0078125
        assert bucket.next_chance(quota, 0.0).retry_many_at == 0.25

    @given(
        st.lists(st.floats(0.0, 300.0), min_size=3, max_size=8),
        st.integers(0, 8),
        st.integers(0, 3),
    )
    def test_what_a_refusal_says_is_what_the_snapshot_says(self, ended, under_way, reserve):
        bucket, quota = Bucket(), a_quota(len(ended))
        for number, token in enumerate(spend_all(bucket, quota, 0.0)):
            if number >= under_way:
                bucket.end(quota, token, ended[number] - 100.0, TokenOutcome.ANSWERED)
        earliest = bucket.snapshot(quota, 0.0).earliest(0, reserve)
        if not take(bucket, quota, 1, 0.0, reserve=reserve):
            assert bucket.next_chance(quota, 0.0, reserve).earliest_at == earliest

    @given(
        st.lists(st.floats(0.0, 200.0), min_size=1, max_size=6),
        st.integers(0, 20),
        st.integers(0, 3),
    )
    def test_the_earliest_is_never_later_than_what_comes_true(self, ended, position, reserve):
        """Played through: each taker is answered the moment it takes."""
        bucket, quota = Bucket(), a_quota(len(ended))
        for token, moment in zip(spend_all(bucket, quota, 0.0), ended, strict=True):
            bucket.end(quota, token, moment - 100.0, TokenOutcome.ANSWERED)
        said = bucket.snapshot(quota, 0.0).earliest(position, reserve)
        now = 0.0
        for number in range(position + 1):
            while not take(bucket, quota, number, now, reserve=reserve):
                now = bucket.next_chance(quota, now, reserve).retry_at
            bucket.end(quota, number, now, TokenOutcome.ANSWERED)
        assert said <= now + 1e-6


def test_the_quota_of_a_scaled_server_is_another_one_and_shorter():
    plain, scaled = a_quota(), a_quota(time_scale=60.0)
    assert plain.key != scaled.key
    assert scaled.period_s == pytest.approx(61.0 / 60)
    assert attrs.asdict(scaled)["lock_s"] == 10.0


def test_names_of_hosts_and_accounts_cannot_run_into_each_other():
    limit = Limit(1)
    one = Quota.of("e", limit, host="h", account="a b")
    other = Quota.of("e", limit, host="h a", account="b")
    assert one.key != other.key
