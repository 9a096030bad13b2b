"""The pure bucket and those who ask again: a batch leaves tokens to people who wait elsewhere."""

import pytest
from stores import a_quota

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Lane

LEASE_S = 1000.0
BACK_S = 61.0


def emptied(threshold):
    """A bucket whose tokens are all back at the same moment."""
    return Bucket(returning=[BACK_S] * threshold), a_quota(threshold)


def ask(bucket, quota, token, now, **options):
    return bucket.ask(quota, token, now, LEASE_S, **options)


def waiting(bucket, quota, now):
    return bucket.snapshot(quota, now).waiting


def test_people_who_were_refused_wait_until_shortly_after_they_may_ask_again():
    bucket, quota = emptied(4)
    refused = ask(bucket, quota, 1, 0.0, asker="a", people=3)
    assert refused == (BACK_S, BACK_S, BACK_S, False)
    assert waiting(bucket, quota, 0.0) == 3
    assert waiting(bucket, quota, BACK_S + 0.2) == 3
    assert waiting(bucket, quota, BACK_S + 0.25) == 0


def test_who_is_served_waits_no_more_and_the_others_behind_it_do():
    bucket, quota = emptied(4)
    ask(bucket, quota, 1, 0.0, asker="a", people=2)
    assert ask(bucket, quota, 2, BACK_S, asker="a", people=2) is None
    assert waiting(bucket, quota, BACK_S) == 1
    assert ask(bucket, quota, 3, BACK_S, asker="a") is None
    assert waiting(bucket, quota, BACK_S) == 0


@pytest.mark.parametrize("options", [{"lane": Lane.BULK, "asker": "a"}, {}])
def test_neither_a_batch_nor_who_asks_once_counts_as_people_who_wait(options):
    bucket, quota = emptied(2)
    assert ask(bucket, quota, 1, 0.0, **options)
    assert waiting(bucket, quota, 0.0) == 0


def test_batch_leaves_a_token_to_each_person_who_waits_elsewhere():
    bucket, quota = emptied(4)
    ask(bucket, quota, 1, 0.0, asker="a", people=3)
    assert ask(bucket, quota, 2, BACK_S, lane=Lane.BULK, asker="b") is None
    refused = ask(bucket, quota, 3, BACK_S, lane=Lane.BULK, asker="b")
    assert refused == (BACK_S, BACK_S + 0.05, BACK_S + 0.05, False)
    late = BACK_S + 0.25
    assert ask(bucket, quota, 4, late, lane=Lane.BULK, asker="b") is None


def test_batch_leaves_nothing_to_people_of_its_own_line_and_people_nothing_to_each_other():
    bucket, quota = emptied(2)
    ask(bucket, quota, 1, 0.0, asker="a", people=2)
    assert ask(bucket, quota, 2, BACK_S, lane=Lane.BULK, asker="a") is None
    bucket, quota = emptied(2)
    ask(bucket, quota, 1, 0.0, asker="a", people=2)
    assert ask(bucket, quota, 2, BACK_S, asker="b") is None
    assert ask(bucket, quota, 3, BACK_S, asker="b") is None


def test_who_may_not_go_long_without_asking_is_told_to_ask_sooner_and_the_truth():
    bucket, quota = emptied(1)
    refused = ask(bucket, quota, 1, 0.0, asker="a", longest_s=1.0)
    assert refused == (BACK_S, 1.0, 1.0, False)
    assert waiting(bucket, quota, 1.2) == 1
    assert waiting(bucket, quota, 1.25) == 0
