import heapq
from collections import Counter as Counts
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.sandbox.rate_limits import (
    ALGORITHMS,
    Bucket,
    EndpointCounter,
    Fixed,
    Rolling,
    Throttle,
    Verdict,
    Weighted,
)

# Whole times and a window of a power of two: the counters' floats are exact.
WINDOW = 64
TIMES = st.lists(st.integers(0, 40), max_size=120).map(
    lambda steps: [sum(steps[: i + 1]) for i in range(len(steps))]
)
THRESHOLDS = st.integers(1, 8)
PHASES = st.integers(0, WINDOW - 1)


@given(THRESHOLDS, TIMES)
def test_rolling_agrees_with_counting_every_window(threshold, times):
    rolling = Rolling(threshold, WINDOW)
    for i, now in enumerate(times):
        inside = sum(now - WINDOW < earlier for earlier in times[: i + 1])
        assert rolling.arrive(now) is (inside <= threshold)


@given(THRESHOLDS, PHASES, TIMES)
def test_fixed_agrees_with_numbered_windows(threshold, phase, times):
    fixed, counts = Fixed(threshold, WINDOW, phase), Counts[int]()
    for now in times:
        counts[(now - phase) // WINDOW] += 1
        assert fixed.arrive(now) is (counts[(now - phase) // WINDOW] <= threshold)


@given(THRESHOLDS, TIMES)
def test_bucket_agrees_with_exact_fractions(threshold, times):
    bucket, tokens, last = Bucket(threshold, WINDOW), Fraction(threshold), 0
    for now in times:
        tokens = min(tokens + Fraction((now - last) * threshold, WINDOW), Fraction(threshold))
        last = now
        assert bucket.arrive(now) is (tokens >= 1)
        tokens -= tokens >= 1


@given(THRESHOLDS, PHASES, TIMES)
def test_counter_agrees_with_weighing_numbered_windows(threshold, phase, times):
    weighted, counts = Weighted(threshold, WINDOW, phase), Counts[int]()
    for now in times:
        number, elapsed = divmod(now - phase, WINDOW)
        counts[number] += 1
        estimate = counts[number] + counts[number - 1] * Fraction(WINDOW - elapsed, WINDOW)
        assert weighted.arrive(now) is (estimate <= threshold)


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
    gate = EndpointCounter(Rolling(2, 60.0), lock_s=600.0)
    # Sent at 0, 0, 60, 60; the first two took five seconds to arrive.
    assert [gate.arrive(now).allowed for now in (5.0, 5.0, 60.1, 60.1)] == [
        True,
        True,
        False,
        False,
    ]


def test_rolling_forgets_an_arrival_a_whole_window_later():
    rolling = Rolling(1, 60.0)
    assert rolling.arrive(0.1)
    assert rolling.arrive(0.1 + 60.0)
    assert not rolling.arrive(120.0)


def test_refused_arrivals_count():
    rolling = Rolling(1, 60.0)
    assert [rolling.arrive(now) for now in (0.0, 40.0, 80.0, 120.0, 180.0)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_bucket_lets_up_to_twice_the_threshold_into_its_first_window():
    bucket = Bucket(50, 60.0)
    assert sum(bucket.arrive(i * 0.6) for i in range(100)) == 99


def test_counter_refuses_what_the_rolling_window_would_allow():
    # All of the first window came at its end: the estimate supposes even arrivals.
    times = [40.0] * 10 + [101.0] * 10
    rolling, weighted = Rolling(10, 60.0), Weighted(10, 60.0, phase_s=0.0)
    assert all(rolling.arrive(now) for now in times)
    assert not all(weighted.arrive(now) for now in times)


def test_windows_keep_their_phase_after_long_silence():
    fixed = Fixed(1, 60.0, phase_s=10.0)
    assert fixed.arrive(0.0)
    assert fixed.arrive(6_009.0)
    assert fixed.arrive(6_010.0)
    assert not fixed.arrive(6_069.0)


def test_one_request_too_many_locks_for_the_lock_period():
    gate = EndpointCounter(Rolling(1, 60.0), lock_s=300.0)
    assert gate.arrive(0.0) == Verdict(allowed=True, locked_until=None, new_lock=False)
    assert gate.arrive(10.0) == Verdict(allowed=False, locked_until=310.0, new_lock=True)
    assert gate.arrive(309.0) == Verdict(allowed=False, locked_until=310.0, new_lock=False)
    assert gate.arrive(369.0).allowed
    assert gate.arrivals == 4
    assert gate.refused_while_locked == 1
    assert [(lock.at, lock.until) for lock in gate.locks] == [(10.0, 310.0)]


def test_asking_during_a_lock_can_prolong_it():
    gate = EndpointCounter(Rolling(1, 60.0), lock_s=300.0, penalize=True)
    gate.arrive(0.0)
    gate.arrive(10.0)
    assert gate.arrive(200.0) == Verdict(allowed=False, locked_until=500.0, new_lock=False)
    assert gate.locks[0].until == 500.0
    assert gate.arrive(500.0).allowed


def test_asking_just_before_a_lock_ends_can_begin_the_next():
    gate = EndpointCounter(Rolling(1, 60.0), lock_s=300.0)
    for now in (0.0, 10.0, 305.0):
        gate.arrive(now)
    assert gate.arrive(311.0) == Verdict(allowed=False, locked_until=611.0, new_lock=True)


def test_injected_lock_refuses_and_says_what_injected_it():
    gate = EndpointCounter(Rolling(50, 60.0), lock_s=300.0)
    gate.lock(5.0, injected="throttle-429")
    assert gate.arrive(6.0) == Verdict(allowed=False, locked_until=305.0, new_lock=False)
    assert gate.locks[0].injected == "throttle-429"


def test_users_and_endpoints_are_counted_apart():
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


def test_phases_depend_on_seed_and_gate_and_not_on_the_order_of_users():
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
