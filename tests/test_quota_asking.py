"""Asking a bucket when others wait: who is left a token, for how long, and when to ask again."""

from cliq_async.endpoints import Limit
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Lane, Quota
from cliq_async.quota.turns import Turn

BACK_AT = 60.0
LATE_S = 0.25
"""How much later than told to an asker may come before it is left nothing."""


def a_quota(threshold):
    return Quota.of("send_message", Limit(threshold, 60.0, 600.0), host="h", margin_s=0.0)


def a_spent_bucket(threshold):
    """All its tokens come back at once."""
    return Bucket(returning=[BACK_AT] * threshold), a_quota(threshold)


def ask(bucket, quota, token, now, **options):
    return bucket.ask(quota, token, now, 1000.0, **options)


def taken(bucket, quota, now, **options):
    """How many tokens somebody gets who asks until it is refused."""
    before = len(bucket.held)
    while ask(bucket, quota, f"{len(bucket.held)} {options}", now, **options) is None:
        pass
    return len(bucket.held) - before


def test_batch_leaves_a_token_to_each_person_who_waits_elsewhere():
    bucket, quota = a_spent_bucket(5)
    assert ask(bucket, quota, 1, 0.0, asker="p", people=2) == (60.0, 60.0, 60.0, False)
    assert ask(bucket, quota, 2, 0.0, asker="q") is not None
    assert taken(bucket, quota, BACK_AT, lane=Lane.BULK) == 2
    assert taken(bucket, quota, BACK_AT) == 3, "a person leaves none"


def test_batch_that_is_passed_asks_again_when_the_person_has_had_time_to_take():
    bucket, quota = a_spent_bucket(1)
    ask(bucket, quota, 1, 0.0, asker="p")
    assert ask(bucket, quota, 2, 60.0, lane=Lane.BULK) == (60.0, 60.05, 60.05, False)
    assert ask(bucket, quota, 2, 60.1, lane=Lane.BULK) == (60.1, 60.1 + 0.05, 60.1 + 0.05, False)


def test_batch_is_told_when_tokens_are_back_though_people_wait():
    bucket, quota = a_spent_bucket(1)
    ask(bucket, quota, 1, 0.0, asker="p")
    assert ask(bucket, quota, 2, 0.0, lane=Lane.BULK) == (60.0, 60.0, 60.0, False)


def test_nothing_is_left_to_a_person_who_does_not_come_in_time():
    bucket, quota = a_spent_bucket(1)
    ask(bucket, quota, 1, 0.0, asker="p")
    assert ask(bucket, quota, 2, BACK_AT + LATE_S - 0.01, lane=Lane.BULK) is not None
    assert ask(bucket, quota, 2, BACK_AT + LATE_S, lane=Lane.BULK) is None
    assert bucket.waiting == {}


def test_batch_does_not_wait_for_the_people_of_its_own_line():
    bucket, quota = a_spent_bucket(1)
    ask(bucket, quota, 1, 0.0, asker="p")
    assert ask(bucket, quota, 2, BACK_AT, lane=Lane.BULK, asker="p") is None


def test_those_behind_a_person_who_was_served_are_still_waited_for():
    bucket, quota = Bucket(), a_quota(5)
    assert ask(bucket, quota, 1, 0.0, asker="p", people=3) is None
    assert bucket.waiting == {"p": (LATE_S, 2)}
    assert bucket.snapshot(quota, 0.0).waiting == 2
    assert bucket.snapshot(quota, LATE_S).waiting == 0
    assert taken(bucket, quota, 0.0, lane=Lane.BULK) == 2
    assert ask(bucket, quota, 2, 0.0, asker="p", people=1) is None
    assert bucket.waiting == {}


def test_only_people_who_will_ask_again_are_waited_for():
    bucket, quota = a_spent_bucket(1)
    ask(bucket, quota, 1, 0.0)
    ask(bucket, quota, 2, 0.0, asker="b", lane=Lane.BULK)
    assert bucket.waiting == {}


def test_person_who_turns_to_a_batch_is_no_longer_waited_for():
    bucket, quota = a_spent_bucket(1)
    ask(bucket, quota, 1, 0.0, asker="p")
    ask(bucket, quota, 2, 0.0, asker="p", lane=Lane.BULK)
    assert bucket.waiting == {}


def test_who_is_refused_asks_again_within_what_the_store_allows():
    bucket, quota = a_spent_bucket(1)
    assert ask(bucket, quota, 1, 5.0, asker="p", longest_s=2.0) == (60.0, 7.0, 7.0, False)
    assert bucket.waiting == {"p": (7.0 + LATE_S, 1)}
    assert ask(bucket, quota, 1, 59.0, asker="p", longest_s=2.0) == (60.0, 60.0, 60.0, False)


def test_batch_is_counted_what_it_is_given_and_who_waits_behind():
    bucket, quota = Bucket(), a_quota(2)
    batch = {"lane": Lane.BULK, "asker": "a", "people": 5, "reserve": 0}
    bucket.turns["b"] = Turn(1.0, 1, 0, 7)
    assert ask(bucket, quota, 1, 0.0, **batch) is None
    assert bucket.turns["a"] == Turn(LATE_S, 4, 0, 8)
    bucket.returning.append(BACK_AT)
    assert ask(bucket, quota, 2, 0.0, **batch) is not None
    assert bucket.turns["a"] == Turn(BACK_AT + LATE_S, 5, 0, 8)


def test_batch_that_was_given_more_leaves_the_difference_and_its_reserve():
    bucket, quota = Bucket(), a_quota(10)
    bucket.turns |= {"a": Turn(1.0, 9, 3, 5), "b": Turn(1.0, 5, 3, 3)}
    assert taken(bucket, quota, 0.0, lane=Lane.BULK, asker="a", people=9, reserve=3) == 3
    assert bucket.turns["a"].given == 8
    assert taken(bucket, quota, 0.0, lane=Lane.BULK, asker="b", people=9, reserve=3) == 4


def test_person_takes_no_turn_with_batches():
    bucket, quota = Bucket(), a_quota(3)
    bucket.turns |= {"a": Turn(1.0, 9, 0, 5), "b": Turn(1.0, 5, 0, 3)}
    assert taken(bucket, quota, 0.0, asker="a") == 3
    assert bucket.turns["a"].given == 5
