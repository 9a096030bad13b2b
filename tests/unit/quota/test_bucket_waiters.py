"""The pure bucket and those who ask again: a batch leaves tokens to people who wait elsewhere."""

from support.buckets import LEASE_S
from support.stores import a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.fair_share import Share
from cliq_async.quota.model import Lane

BACK_S = 60.0
LATE_S = 0.25
"""How much later than told to an asker may come before it is left nothing."""


def emptied(threshold):
    """A bucket whose tokens are all back at the same moment."""
    return Bucket(returning=[BACK_S] * threshold), a_quota(threshold)


def ask(bucket, quota, token, now, **options):
    return bucket.acquire(quota, token, now, LEASE_S, **options)


def waiting(bucket, quota, now):
    return bucket.snapshot(quota, now).waiting


def test_people_who_were_refused_wait_until_shortly_after_they_may_ask_again():
    bucket, quota = emptied(4)
    refused = ask(bucket, quota, 1, 0.0, queue_id="a", waiters=3)
    assert refused == (BACK_S, BACK_S, BACK_S, "spent")
    assert waiting(bucket, quota, 0.0) == 3
    assert waiting(bucket, quota, BACK_S + 0.2) == 3
    assert waiting(bucket, quota, BACK_S + 0.25) == 0


def test_who_is_served_waits_no_more_and_the_others_behind_it_do():
    bucket, quota = emptied(4)
    ask(bucket, quota, 1, 0.0, queue_id="a", waiters=2)
    assert ask(bucket, quota, 2, BACK_S, queue_id="a", waiters=2) is None
    assert waiting(bucket, quota, BACK_S) == 1
    assert ask(bucket, quota, 3, BACK_S, queue_id="a") is None
    assert waiting(bucket, quota, BACK_S) == 0


def test_who_asks_once_does_not_wait():
    bucket, quota = emptied(2)
    assert ask(bucket, quota, 1, 0.0)
    assert waiting(bucket, quota, 0.0) == 0


def test_batch_waits_as_well_but_not_as_a_person():
    bucket, quota = emptied(2)
    assert ask(bucket, quota, 1, 0.0, lane=Lane.BULK, queue_id="a", waiters=3)
    assert waiting(bucket, quota, 0.0) == 3
    assert waiting(bucket, quota, BACK_S + 0.25) == 0
    assert bucket.waiting == {}


def test_batch_leaves_a_token_to_each_person_who_waits_elsewhere():
    bucket, quota = emptied(4)
    ask(bucket, quota, 1, 0.0, queue_id="a", waiters=3)
    assert ask(bucket, quota, 2, BACK_S, lane=Lane.BULK, queue_id="b") is None
    refused = ask(bucket, quota, 3, BACK_S, lane=Lane.BULK, queue_id="b")
    assert refused == (BACK_S, BACK_S + 0.05, BACK_S + 0.05, "reserved")
    late = BACK_S + 0.25
    assert ask(bucket, quota, 4, late, lane=Lane.BULK, queue_id="b") is None


def test_batch_leaves_nothing_to_people_of_its_own_line_and_people_nothing_to_each_other():
    bucket, quota = emptied(2)
    ask(bucket, quota, 1, 0.0, queue_id="a", waiters=2)
    assert ask(bucket, quota, 2, BACK_S, lane=Lane.BULK, queue_id="a") is None
    bucket, quota = emptied(2)
    ask(bucket, quota, 1, 0.0, queue_id="a", waiters=2)
    assert ask(bucket, quota, 2, BACK_S, queue_id="b") is None
    assert ask(bucket, quota, 3, BACK_S, queue_id="b") is None


def test_who_may_not_go_long_without_asking_is_told_to_ask_sooner_and_the_truth():
    bucket, quota = emptied(1)
    refused = ask(bucket, quota, 1, 0.0, queue_id="a", max_sleep_s=1.0)
    assert refused == (BACK_S, 1.0, 1.0, "spent")
    assert waiting(bucket, quota, 1.2) == 1
    assert waiting(bucket, quota, 1.25) == 0


def taken(bucket, quota, now, **options):
    """How many tokens somebody gets who asks until it is refused."""
    before = len(bucket.held)
    while ask(bucket, quota, f"{len(bucket.held)} {options}", now, **options) is None:
        pass
    return len(bucket.held) - before


def test_batch_leaves_tokens_to_people_of_several_lines():
    bucket, quota = emptied(5)
    assert ask(bucket, quota, 1, 0.0, queue_id="p", waiters=2) == (60.0, 60.0, 60.0, "spent")
    assert ask(bucket, quota, 2, 0.0, queue_id="q") is not None
    assert taken(bucket, quota, BACK_S, lane=Lane.BULK) == 2
    assert taken(bucket, quota, BACK_S) == 3, "a person leaves none"


def test_batch_that_is_passed_asks_again_when_the_person_has_had_time_to_take():
    bucket, quota = emptied(1)
    ask(bucket, quota, 1, 0.0, queue_id="p")
    assert ask(bucket, quota, 2, 60.0, lane=Lane.BULK) == (60.0, 60.05, 60.05, "reserved")
    assert ask(bucket, quota, 2, 60.1, lane=Lane.BULK) == (
        60.1,
        60.1 + 0.05,
        60.1 + 0.05,
        "reserved",
    )


def test_batch_is_told_when_tokens_are_back_though_people_wait():
    bucket, quota = emptied(1)
    ask(bucket, quota, 1, 0.0, queue_id="p")
    assert ask(bucket, quota, 2, 0.0, lane=Lane.BULK) == (60.0, 60.0, 60.0, "spent")


def test_nothing_is_left_to_a_person_who_does_not_come_in_time():
    bucket, quota = emptied(1)
    ask(bucket, quota, 1, 0.0, queue_id="p")
    assert ask(bucket, quota, 2, BACK_S + LATE_S - 0.01, lane=Lane.BULK) is not None
    assert ask(bucket, quota, 2, BACK_S + LATE_S, lane=Lane.BULK) is None
    assert bucket.waiting == {}


def test_batch_does_not_wait_for_the_people_of_its_own_line():
    bucket, quota = emptied(1)
    ask(bucket, quota, 1, 0.0, queue_id="p")
    assert ask(bucket, quota, 2, BACK_S, lane=Lane.BULK, queue_id="p") is None


def test_those_behind_a_person_who_was_served_are_still_waited_for():
    bucket, quota = Bucket(), a_quota(5)
    assert ask(bucket, quota, 1, 0.0, queue_id="p", waiters=3) is None
    assert bucket.waiting == {"p": (LATE_S, 2)}
    assert bucket.snapshot(quota, 0.0).waiting == 2
    assert bucket.snapshot(quota, LATE_S).waiting == 0
    assert taken(bucket, quota, 0.0, lane=Lane.BULK) == 2
    assert ask(bucket, quota, 2, 0.0, queue_id="p", waiters=1) is None
    assert bucket.waiting == {}


def test_only_people_who_will_ask_again_are_waited_for():
    bucket, quota = emptied(1)
    ask(bucket, quota, 1, 0.0)
    ask(bucket, quota, 2, 0.0, queue_id="b", lane=Lane.BULK)
    assert bucket.waiting == {}


def test_person_who_turns_to_a_batch_is_no_longer_waited_for():
    bucket, quota = emptied(1)
    ask(bucket, quota, 1, 0.0, queue_id="p")
    ask(bucket, quota, 2, 0.0, queue_id="p", lane=Lane.BULK)
    assert bucket.waiting == {}


def test_who_is_refused_asks_again_within_what_the_store_allows():
    bucket, quota = emptied(1)
    assert ask(bucket, quota, 1, 5.0, queue_id="p", max_sleep_s=2.0) == (60.0, 7.0, 7.0, "spent")
    assert bucket.waiting == {"p": (7.0 + LATE_S, 1)}
    assert ask(bucket, quota, 1, 59.0, queue_id="p", max_sleep_s=2.0) == (60.0, 60.0, 60.0, "spent")


def test_batch_is_counted_what_it_is_given_and_who_waits_behind():
    bucket, quota = Bucket(), a_quota(2)
    batch = {"lane": Lane.BULK, "queue_id": "a", "waiters": 5, "reserve": 0}
    bucket.shares["b"] = Share(1.0, 1, 0, 7)
    assert ask(bucket, quota, 1, 0.0, **batch) is None
    assert bucket.shares["a"] == Share(LATE_S, 4, 0, 8)
    bucket.returning.append(BACK_S)
    assert ask(bucket, quota, 2, 0.0, **batch) is not None
    assert bucket.shares["a"] == Share(BACK_S + LATE_S, 5, 0, 8)


def test_batch_that_was_given_more_leaves_the_difference_and_its_reserve():
    bucket, quota = Bucket(), a_quota(10)
    bucket.shares |= {"a": Share(1.0, 9, 3, 5), "b": Share(1.0, 5, 3, 3)}
    assert taken(bucket, quota, 0.0, lane=Lane.BULK, queue_id="a", waiters=9, reserve=3) == 3
    assert bucket.shares["a"].granted == 8
    assert taken(bucket, quota, 0.0, lane=Lane.BULK, queue_id="b", waiters=9, reserve=3) == 4


def test_person_takes_no_turn_with_batches():
    bucket, quota = Bucket(), a_quota(3)
    bucket.shares |= {"a": Share(1.0, 9, 0, 5), "b": Share(1.0, 5, 0, 3)}
    assert taken(bucket, quota, 0.0, queue_id="a") == 3
    assert bucket.shares["a"].granted == 5
