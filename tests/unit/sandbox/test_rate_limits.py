"""The locks of endpoints, and the rate limiter of all users."""

import heapq

import pytest
from hypothesis import given, strategies as st

from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.sandbox.algorithms import ALGORITHMS, Rolling
from cliq_async.sandbox.rate_limits import EndpointCounter, Throttle, Verdict


@pytest.mark.parametrize("algorithm", ["rolling", "fixed", "bucket"])
@given(
    threshold=st.integers(1, 10),
    seed=st.integers(0, 1000),
    delays=st.lists(
        st.tuples(st.floats(0, 200), st.floats(0, 200), st.floats(0, 50)), max_size=100
    ),
)
def test_client_that_waits_a_window_after_each_answer_is_never_locked(
    algorithm, threshold, seed, delays
):
    window_s, margin_s = 60.0, 1e-6
    limit = Limit(threshold, window_s, 300.0)
    throttle = Throttle(algorithm, limits={"send_message": limit}, seed=seed)
    tokens, arrivals, now = [0.0] * threshold, [], 0.0
    for there, back, idle in delays:
        now = max(now + idle, heapq.heappop(tokens))
        arrivals.append(now + there)
        heapq.heappush(tokens, now + there + back + window_s + margin_s)
    assert all(throttle.arrive("ann", "send_message", at).allowed for at in sorted(arrivals))


def test_client_that_counts_from_its_sends_is_locked_by_delays():
    counter = EndpointCounter(Rolling(2, 60.0), lock_s=600.0)
    # Sent at 0, 0, 60, 60; the first two took five seconds to arrive.
    assert [counter.arrive(now).allowed for now in (5.0, 5.0, 60.1, 60.1)] == [
        True,
        True,
        False,
        False,
    ]


def test_one_request_too_many_locks_for_the_lock_period():
    counter = EndpointCounter(Rolling(1, 60.0), lock_s=300.0)
    assert counter.arrive(0.0) == Verdict(allowed=True, locked_until=None, new_lock=False)
    assert counter.arrive(10.0) == Verdict(allowed=False, locked_until=310.0, new_lock=True)
    assert counter.arrive(309.0) == Verdict(allowed=False, locked_until=310.0, new_lock=False)
    assert counter.arrive(369.0).allowed
    assert counter.arrivals == 4
    assert counter.refused_while_locked == 1
    assert [(lock.at, lock.until) for lock in counter.locks] == [(10.0, 310.0)]


def test_request_during_a_lock_can_restart_it():
    counter = EndpointCounter(Rolling(1, 60.0), lock_s=300.0, penalize=True)
    counter.arrive(0.0)
    counter.arrive(10.0)
    assert counter.arrive(200.0) == Verdict(allowed=False, locked_until=500.0, new_lock=False)
    assert counter.locks[0].until == 500.0
    assert counter.arrive(500.0).allowed


def test_request_just_before_a_lock_ends_can_begin_the_next():
    counter = EndpointCounter(Rolling(1, 60.0), lock_s=300.0)
    for now in (0.0, 10.0, 305.0):
        counter.arrive(now)
    assert counter.arrive(311.0) == Verdict(allowed=False, locked_until=611.0, new_lock=True)


def test_injected_lock_refuses_and_names_its_fault():
    counter = EndpointCounter(Rolling(50, 60.0), lock_s=300.0)
    counter.lock(5.0, injected="throttle-429")
    assert counter.arrive(6.0) == Verdict(allowed=False, locked_until=305.0, new_lock=False)
    assert counter.locks[0].injected == "throttle-429"


def test_users_and_endpoints_are_counted_separately():
    throttle = Throttle(limits={"send_message": Limit(1), "list_bots": Limit(1)})
    assert throttle.arrive("ann", "send_message", 0.0).allowed
    assert throttle.arrive("bob", "send_message", 0.0).allowed
    assert throttle.arrive("ann", "list_bots", 0.0).allowed
    assert not throttle.arrive("ann", "send_message", 1.0).allowed
    assert {(user, name) for user, name, _ in throttle.endpoint_counters("ann")} == {
        ("ann", "send_message"),
        ("ann", "list_bots"),
    }
    assert len(list(throttle.endpoint_counters())) == 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_documented_threshold_passes_at_once_and_one_more_locks(algorithm, name):
    throttle, limit = Throttle(algorithm), ENDPOINTS[name].limit
    verdicts = [throttle.arrive("ann", name, 1000.0) for _ in range(limit.threshold + 1)]
    assert [verdict.allowed for verdict in verdicts] == [True] * limit.threshold + [False]
    assert verdicts[-1].locked_until == 1000.0 + limit.lock_s
    assert throttle.limit(name) == limit


def test_phases_depend_on_seed_and_counter_and_not_on_the_order_of_users():
    def first_allowed(seed, users):
        for now in range(1, 61):
            throttle = Throttle("fixed", limits={"list_bots": Limit(1)}, seed=seed)
            for user in users:
                throttle.endpoint_counter(user, "list_bots")
            throttle.arrive("ann", "list_bots", 0.0)
            if throttle.arrive("ann", "list_bots", now).allowed:
                return now
        return None

    assert first_allowed(1, ["ann", "bob"]) == first_allowed(1, ["bob", "ann"])
    assert len({first_allowed(seed, []) for seed in range(20)}) > 5


def test_unknown_algorithm_or_endpoint_is_a_key_error():
    with pytest.raises(KeyError):
        Throttle("leaky")
    with pytest.raises(KeyError):
        Throttle().arrive("ann", "no_such", 0.0)
