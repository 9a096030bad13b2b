"""The sandbox's thresholds and locks, as a client sees them."""

import pytest
from support.sandboxes import BOTS, FIRST, running
from support.stores import Clock

from cliq_async.endpoints import Limit
from cliq_async.sandbox import user_label

THROTTLED = {"message": "Too many requests within a certain time frame."}


async def test_one_request_too_many_locks_until_the_lock_is_over():
    clock = Clock()
    async with running(limits={"send_message": Limit(2, 60, 600)}, clock=clock) as caller:
        clock.now += 5
        answers = [await caller.send(user_ids=FIRST) for _ in range(3)]
        assert answers == [(204, ""), (204, ""), (429, THROTTLED)]
        clock.now += 599
        assert await caller.send(user_ids=FIRST) == (429, THROTTLED)
        assert (await caller.send(user_ids=FIRST, token="bob"))[0] == 204
        assert (await caller.get(BOTS))[0] == 200
        report = await caller.report()
        assert report["lockouts"] == [
            {
                "user": user_label("ann"),
                "endpoint": "send_message",
                "at": 5.0,
                "until": 605.0,
                "injected": False,
            }
        ]
        assert report["refused_while_locked"] == 1
        assert report["requests"] == {"send_message": 5, "list_bots": 1}
        assert report["delivered"]["total"] == 3
        clock.now += 1
        assert (await caller.send(user_ids=FIRST))[0] == 204


async def test_time_scale_makes_windows_and_locks_shorter_and_reports_its_own_time():
    clock = Clock()
    options = {"time_scale": 60, "limits": {"list_bots": Limit(1, 60, 300)}, "clock": clock}
    async with running(**options) as caller:
        for pause, status in ((0.5, 200), (0.9, 429), (4.9, 429), (0.1, 429), (0.9, 429)):
            clock.now += pause
            assert (await caller.get(BOTS))[0] == status
        clock.now += 6.1
        assert (await caller.get(BOTS))[0] == 200
        first = caller.sandbox.report()["lockouts"][0]
        assert first["at"] == pytest.approx(84.0)
        assert first["until"] == pytest.approx(384.0)


async def test_refused_bodies_count_and_penalize_prolongs_locks():
    clock = Clock()
    limits = {"send_message": Limit(1, 60, 600)}
    async with running(limits=limits, clock=clock, penalize=True) as caller:
        assert (await caller.send())[0] == 400
        assert (await caller.send(user_ids=FIRST))[0] == 429
        clock.now += 100
        assert (await caller.send(user_ids=FIRST))[0] == 429
        assert caller.sandbox.report()["lockouts"][0]["until"] == 700.0


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttle-429", 429),
        ("throttle-400", 400),
        ("throttle-nested", 400),
        ("throttle-200", 200),
    ],
)
async def test_injected_lock_is_real_and_keeps_its_form(kind, status):
    clock = Clock()
    async with running(faults=[f"{kind}:1@send_message"], clock=clock, time_scale=60) as caller:
        first = await caller.send(user_ids=FIRST)
        clock.now += 4.5
        second = await caller.send(user_ids=FIRST)
        assert first[0] == second[0] == status
        if kind in {"throttle-nested", "throttle-200"}:
            texts = [body["error"]["details"]["message"] for _, body in (first, second)]
            assert "Try again after 10 minutes." in texts[0]
            assert "Try again after 6 minutes." in texts[1]
        else:
            assert first == second
        report = await caller.report()
        (lockout,) = report["lockouts"]
        assert lockout["injected"] is True
        assert (lockout["at"], lockout["until"]) == (0.0, 600.0)
        assert report["refused_while_locked"] == 1
        assert report["delivered"]["total"] == 0
