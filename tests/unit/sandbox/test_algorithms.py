"""The algorithms that count requests, compared with plain models of them."""

from collections import Counter as Counts
from fractions import Fraction

from hypothesis import given, strategies as st

from cliq_async.sandbox.algorithms import Bucket, Fixed, Rolling, Weighted

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
