"""What a call sends along, when it gives up, and what it counts: at the edges, in moved time."""

import pytest
from scripted import DONE, SECRET, THROTTLED, a_rig, moved, now

from cliq_async import __version__
from cliq_async.endpoints import Limit
from cliq_async.errors import TransportError
from cliq_async.watch import Watch


@moved
async def test_headers_are_the_token_who_asks_and_the_type_of_a_body():
    rig = a_rig([DONE])
    await rig.call("get_bot")
    await rig.call("send_message", body=b"{}")
    bare = {"Authorization": f"Bearer {SECRET}", "User-Agent": f"cliq-async/{__version__}"}
    typed = {"Content-Type": "application/json"}
    assert [request.headers for request in rig.transport.requests] == [bare, bare | typed]


@pytest.mark.parametrize(("max_wait_s", "requests"), [(0.9, 1), (1.0, 2), (None, 3)])
@moved
async def test_no_attempt_is_waited_for_that_comes_after_the_deadline(
    max_wait_s, requests, monkeypatch
):
    monkeypatch.setattr("tenacity.wait_random_exponential", lambda **_: lambda _state: 1.0)
    rig = a_rig(["lost"])
    with pytest.raises(TransportError):
        await rig.call("get_bot", max_wait_s=max_wait_s)
    assert len(rig.transport.requests) == requests
    assert now() == pytest.approx(requests - 1.0)


@moved
async def test_backoff_doubles_from_half_a_second_at_the_most(monkeypatch):
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    rig = a_rig(["lost"])
    with pytest.raises(TransportError):
        await rig.call("get_bot", max_wait_s=None)
    assert rig.transport.times == pytest.approx([0.0, 0.5, 1.5])


@moved
async def test_each_lock_of_a_call_is_counted():
    rig = a_rig([THROTTLED, THROTTLED, DONE], limits={"get_bot": Limit(5, 60.0, 100.0)})
    watch = Watch()
    await rig.call("get_bot", max_wait_s=None, watch=watch)
    lone = watch.lockouts
    again = a_rig([THROTTLED, DONE, THROTTLED, DONE], limits={"get_bot": Limit(5, 60.0, 100.0)})
    watch = Watch()
    for _ in range(2):
        await again.call("get_bot", max_wait_s=None, watch=watch)
    # A refusal of the one that asks whether the lock is over belongs to the same lock.
    assert (lone, watch.lockouts) == (1, 2)
