"""The promises, in virtual time: the real client, and only the network and the server simulated.

The server counts in a rolling window, in a fixed one and as a token bucket, all at once. Delays
are log-normal each way, 80 ms in the median and 1.5 s at the 99th percentile; requests that are
given up arrive up to 30 s late.
"""

import asyncio
from statistics import mean

import pytest
from support.simulation import a_client, a_server

from cliq_async.endpoints import Limit
from cliq_async.errors import OutcomeUnknownError
from cliq_async.testing import run_in_virtual_time

SEEDS = range(20)
SENDS = 1000
SHORTEST_S = (SENDS / 50 - 1) * 60.0
DAY_S = 86_400.0


async def send_all(network, **options):
    """Send 1,000 messages at once; returns the seconds it took and how many were unanswered."""
    loop = asyncio.get_running_loop()
    async with a_client(network, max_wait_s=None, **options) as client:
        sends = [client.messages.send("bot", "hi", user_ids="1") for _ in range(SENDS)]
        results = await asyncio.gather(*sends, return_exceptions=True)
        took_s = loop.time()
        await asyncio.sleep(60.0)  # the last stragglers
    errors = [result for result in results if isinstance(result, BaseException)]
    assert {type(error) for error in errors} <= {OutcomeUnknownError}
    return took_s, len(errors)


def run_seeds(**options):
    """The ratios to the shortest possible time, over all seeds, without a lockout in any."""
    ratios, unanswered = [], 0
    for seed in SEEDS:
        network = a_server("rolling", "fixed", "bucket", seed=seed)
        took_s, lost = run_in_virtual_time(send_all(network, **options))
        assert network.lockouts == []
        assert len(network.arrivals) == SENDS
        assert sum(at < 10.0 for at in network.arrivals) == 50
        ratios.append(took_s / SHORTEST_S)
        unanswered += lost
    return ratios, unanswered


def test_without_a_margin_never_locked_out_and_within_15_thousandths_of_the_shortest_time():
    ratios, unanswered = run_seeds(margin_s=0.0, timeout_s=None)
    assert mean(ratios) <= 1.015
    assert unanswered == 0


def test_by_default_never_locked_out_and_within_35_thousandths_of_the_shortest_time():
    ratios, unanswered = run_seeds(timeout_s=None)
    assert mean(ratios) <= 1.035
    assert unanswered == 0


@pytest.mark.parametrize("margin_s", [0.0, 1.0])
def test_with_requests_given_up_after_5_seconds_never_locked_out(margin_s):
    _, unanswered = run_seeds(margin_s=margin_s, timeout_s=5.0)
    assert unanswered > 0


def test_without_the_time_for_stragglers_the_same_server_does_lock_out():
    """The test above would fail if the client were wrong."""
    locked = 0
    for seed in range(8):
        network = a_server("rolling", seed=seed)
        run_in_virtual_time(send_all(network, margin_s=0.0, straggler_s=0.0, timeout_s=0.6))
        locked += bool(network.lockouts)
    assert locked > 0


def test_a_burst_after_an_idle_hour_goes_out_at_once():
    async def main():
        loop = asyncio.get_running_loop()
        network = a_server("rolling", "fixed", "bucket", seed=1)
        network.even_delay_s = 0.1
        async with a_client(network) as client:
            await client.messages.send("bot", "hi", user_ids="1")  # the form is known from here on
            await asyncio.sleep(3600.0)
            for _ in range(2):
                start = loop.time()
                await asyncio.gather(
                    *(client.messages.send("bot", "hi", user_ids="1") for _ in range(50))
                )
                assert loop.time() - start == pytest.approx(0.2)
                await asyncio.sleep(3600.0)
        assert network.lockouts == []

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    ("algorithm", "limit", "others_a_minute"),
    [("counter", None, 0), ("rolling", Limit(40, 60.0, 600.0), 0), ("rolling", None, 20)],
    ids=["counter", "40 instead of 50", "another program"],
)
def test_a_stricter_server_locks_at_most_four_times_a_day(algorithm, limit, others_a_minute):
    """Sixty senders that never pause, for 24 hours."""

    async def main():
        loop = asyncio.get_running_loop()
        network = a_server(algorithm, seed=1, limit=limit)
        sent = 0

        async def sender(client):
            nonlocal sent
            while True:
                await client.messages.send("bot", "hi", user_ids="1")
                sent += 1

        async def another_program():
            while True:
                await asyncio.sleep(60.0 / others_a_minute)
                network.throttles[0].arrive("user", "send_message", loop.time())

        async with a_client(network, max_wait_s=None, timeout_s=None) as client:
            tasks = [loop.create_task(sender(client)) for _ in range(60)]
            if others_a_minute:
                tasks.append(loop.create_task(another_program()))
            await asyncio.sleep(DAY_S)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        assert 1 <= len(network.lockouts) <= 4
        assert sent >= 22 * 24 * 60

    run_in_virtual_time(main())
