"""The deadline in virtual time: on the connection, by response_url, or reported as lost."""

import asyncio
import logging
from contextlib import suppress

import msgspec
import pytest
from support.scripted import moved, now
from support.webhook_bots import CLIQ, Reports, ResponseUrl, a_bot, takes

from cliq_async.webhooks import MessageEvent, WebhookBot

LATE = b'{"output":{"text":"done"}}'
NOTHING = b'{"output":""}'


def after(seconds):
    async def is_gone() -> bool:
        return now() >= seconds

    return is_gone


def nothing_is_left(bot):
    found = bot._dispatcher
    return (found._in_flight, found._tasks, found._deliveries, found._own) == (
        0,
        set(),
        set(),
        set(),
    )


@pytest.mark.parametrize(
    ("seconds", "answered_at", "posted_at"),
    [
        (0.0, 0.0, None),
        (12.9, 12.9, None),
        (13.1, 16.0, 16.0),
        (14.0, 16.0, 16.0),
        (15.9, 16.0, 16.0),
        (20.0, 16.0, 20.0),
        (200.0, 16.0, 200.0),
    ],
)
@moved
async def test_answer_goes_one_way(seconds, answered_at, posted_at, caplog):
    url, reports = ResponseUrl(), Reports()
    bot = a_bot(takes(seconds), transport=url, hooks=reports.hooks, drain_s=500.0)
    async with bot:
        answer = await bot.receive(*CLIQ.say("hi"))
        assert now() == pytest.approx(answered_at)
    on_connection = posted_at is None
    assert answer.body == (LATE if on_connection else NOTHING)
    assert url.posts == ([] if on_connection else [(pytest.approx(posted_at), LATE)])
    assert (reports.failed, reports.lost) == ([], [])
    assert nothing_is_left(bot)
    assert caplog.messages == []


@moved
async def test_times_follow_the_speed_and_the_wait_of_cliq():
    url = ResponseUrl()
    bot = a_bot(takes(0.5), transport=url, time_scale=10.0, cliq_waits_s=5.0)
    async with bot:
        assert (await bot.receive(*CLIQ.say("hi"))).body == NOTHING
        assert now() == pytest.approx(0.6)
    assert url.posts == [(pytest.approx(0.6), LATE)]


@pytest.mark.parametrize(
    ("seconds", "gone_after", "posted"),
    [
        (0.4, 0.0, False),
        (0.5, 0.25, True),
        (0.6, 0.3, True),
        (0.6, 5.0, False),
        (12.0, 11.0, True),
    ],
)
@moved
async def test_answer_to_a_client_that_hung_up_goes_to_response_url(seconds, gone_after, posted):
    url = ResponseUrl()
    bot = a_bot(takes(seconds), transport=url)
    async with bot:
        for began_at in (0.0, 1024.0):
            await asyncio.sleep(began_at - now())
            event, is_gone = CLIQ.say("hi"), after(began_at + gone_after)
            answer = await bot.receive(*event, is_gone=is_gone)
            assert now() == began_at + seconds
            assert answer.body == (NOTHING if posted else LATE)
    assert url.posts == ([(16.0, LATE), (1040.0, LATE)] if posted else [])


@moved
async def test_answer_is_given_if_nobody_can_tell_whether_the_client_has_hung_up(caplog):
    async def broken() -> bool:
        raise OSError("?")

    bot = a_bot(takes(1.0), transport=ResponseUrl())
    assert (await bot.receive(*CLIQ.say("hi"), is_gone=broken)).body == LATE
    assert caplog.messages == ["it is not known whether the client of an event has hung up"]


@pytest.mark.parametrize("cancelled_at", [0.0, 1.0, 14.0])
@moved
async def test_handler_goes_on_if_the_server_cancels_the_request(cancelled_at):
    url = ResponseUrl()
    bot = a_bot(takes(13.5), transport=url)
    async with bot:
        serving = asyncio.create_task(bot.receive(*CLIQ.say("hi")))
        await asyncio.sleep(cancelled_at)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert now() == cancelled_at
    assert url.posts == [(16.0, LATE)]


@moved
async def test_lost_answer_to_a_cancelled_request_names_its_event():
    reports = Reports()
    bot = a_bot(takes(2.0), transport=ResponseUrl(500), hooks=reports.hooks)
    async with bot:
        serving = asyncio.create_task(bot.receive(*CLIQ.say("hi")))
        await asyncio.sleep(1.0)
        serving.cancel()
        await asyncio.wait((serving,))
    assert [lost.event.text for lost in reports.lost] == ["hi"]


@moved
async def test_look_follows_the_speed_of_cliq():
    url = ResponseUrl()
    bot = a_bot(takes(0.1), transport=url, time_scale=10.0)
    async with bot:
        answer = await bot.receive(*CLIQ.say("hi"), is_gone=after(0.0))
    assert (answer.body, url.posts) == (NOTHING, [(1.6, LATE)])


@moved
async def test_request_that_is_cancelled_while_looking_is_one_that_was_hung_up():
    async def slow() -> bool:
        await asyncio.sleep(3600.0)
        return False

    url = ResponseUrl()
    bot = a_bot(takes(1.0), transport=url)
    async with bot:
        serving = asyncio.create_task(bot.receive(*CLIQ.say("hi"), is_gone=slow))
        await asyncio.sleep(2.0)
        serving.cancel()
        await asyncio.wait((serving,))
    assert url.posts == [(16.0, LATE)]


@moved
async def test_answer_that_is_done_in_time_but_seen_too_late_is_late():
    loop = asyncio.get_running_loop()

    async def blocking(_event: MessageEvent) -> str:
        loop.advance(20.0)  # type: ignore[attr-defined]
        return "done"

    url = ResponseUrl()
    bot = a_bot(blocking, transport=url)
    async with bot:
        assert (await bot.receive(*CLIQ.say("hi"))).body == NOTHING
        assert now() == 20.0
    assert url.posts == [(20.0, LATE)]


@pytest.mark.parametrize("answer", [None, ""])
@moved
async def test_no_answer_is_not_sent_late(answer):
    url, reports = ResponseUrl(), Reports()
    bot = a_bot(takes(20.0, answer), transport=url, hooks=reports.hooks)
    async with bot:
        await bot.receive(*CLIQ.say("hi"))
    assert (url.posts, reports.lost, reports.failed) == ([], [], [])


@moved
async def test_late_failure_is_reported_once_and_not_sent():
    url, reports = ResponseUrl(), Reports()
    bot = a_bot(takes(20.0, 5), transport=url, hooks=reports.hooks)
    async with bot:
        await bot.receive(*CLIQ.say("hi"))
    assert (url.posts, reports.lost, len(reports.failed)) == ([], [], 1)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([500], "HTTP 500"),
        ([302], "HTTP 302"),
        ([410], "HTTP 410"),
        ([OSError("?")], "may be lost: OSError"),
        (["unsent"] * 3, "cannot be reached: refused"),
    ],
)
@moved
async def test_answer_that_response_url_does_not_take_is_reported(steps, reason, caplog):
    url, reports = ResponseUrl(*steps), Reports()
    bot = a_bot(takes(20.0), transport=url, hooks=reports.hooks)
    async with bot:
        await bot.receive(*CLIQ.say("hi"))
    (lost,) = reports.lost
    assert reason in lost.reason
    assert (lost.event.text, lost.output) == ("hi", {"text": "done"})
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert f"the answer to an event for message_handler was lost: {lost.reason}" in record.message


@moved
async def test_answer_without_a_response_url_is_reported():
    payload = CLIQ.say("hi").payload
    del payload["response_url"]
    reports = Reports()
    bot = a_bot(takes(20.0), hooks=reports.hooks)
    async with bot:
        await bot.receive(*CLIQ.sign(payload))
    (lost,) = reports.lost
    assert "no response_url" in lost.reason


@moved
async def test_handler_of_calls_may_take_its_time():
    reports = Reports()
    bot = WebhookBot(CLIQ.public_key, hooks=reports.hooks)
    bot.call(takes(20.0, None))
    async with bot:
        assert (await bot.receive(*CLIQ.call("ringing"))).body == NOTHING
    assert (reports.lost, reports.failed) == ([], [])


@moved
async def test_late_answers_count_as_in_flight():
    bot = a_bot(takes(20.0), transport=ResponseUrl(), max_in_flight=1)
    async with bot:
        await bot.receive(*CLIQ.say("hi"))
        assert (await bot.receive(*CLIQ.say("hi"))).status == 503
        await asyncio.sleep(5.0)
        assert bot._dispatcher._in_flight == 0
        assert not bot._dispatcher.is_busy


# The end.


@moved
async def test_end_waits_for_a_handler_whose_client_waits():
    bot = a_bot(takes(5.0))
    await bot.__aenter__()
    serving = asyncio.create_task(bot.receive(*CLIQ.say("hi")))
    await asyncio.sleep(1.0)
    await bot.close()
    assert now() == 5.0
    assert (await serving).body == LATE


@pytest.mark.parametrize(
    ("seconds", "delay_s", "drain_s", "reason"),
    [
        (100.0, 0.0, 30.0, "before its handler was done"),  # on its way after the answer
        (10.0, 0.0, 2.0, "before its handler was done"),  # its client still waits
        (14.0, 0.0, 1.5, "may be lost"),  # done, and held until Cliq no longer listens
        (14.0, 60.0, 30.0, "may be lost"),  # being sent
    ],
)
@moved
async def test_rest_is_cancelled_at_the_end_and_reported(seconds, delay_s, drain_s, reason, caplog):
    url, reports = ResponseUrl(delay_s=delay_s), Reports()
    bot = a_bot(takes(seconds), transport=url, hooks=reports.hooks, drain_s=drain_s)
    await bot.__aenter__()
    serving = asyncio.create_task(bot.receive(*CLIQ.say("hi")))
    await asyncio.sleep(min(seconds, 20.0) - 0.5 if seconds > 10 else 1.0)
    began_at = now()
    await bot.close()
    assert now() == pytest.approx(began_at + drain_s)
    assert msgspec.json.decode((await serving).body) == {"output": ""}
    (lost,) = reports.lost
    assert reason in lost.reason
    assert f"1 events or tasks were cancelled, as they took longer than drain_s={drain_s:g}" in (
        caplog.text
    )
    assert nothing_is_left(bot)


@pytest.mark.parametrize("closes_at", [1.0, 20.0])
@moved
async def test_handler_that_cannot_be_cancelled_holds_up_the_end_for_a_second(closes_at):
    async def stubborn(_event: MessageEvent) -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(100.0)
        await asyncio.sleep(100.0)
        return "never"

    reports = Reports()
    bot = a_bot(stubborn, drain_s=5.0, hooks=reports.hooks)
    await bot.__aenter__()
    serving = asyncio.create_task(bot.receive(*CLIQ.say("hi")))
    await asyncio.sleep(closes_at)
    await bot.close()
    assert now() == closes_at + 6.0
    await asyncio.wait((serving,))
    (lost,) = reports.lost
    assert (lost.event.text, lost.output) == ("hi", None)
    assert lost.reason == "the bot was closed before its handler was done"
    await asyncio.sleep(200.0)
    assert len(reports.lost) == 1
    assert bot._dispatcher._in_flight == 0


@pytest.mark.parametrize("ending", ["cancelled", "answers", "fails"])
@moved
async def test_event_is_reported_once_if_its_client_and_the_bot_go_away(ending):
    async def handler(_event: MessageEvent) -> str | None:
        try:
            await asyncio.sleep(100.0)
        except asyncio.CancelledError:
            if ending == "cancelled":
                raise
            if ending == "fails":
                raise ZeroDivisionError from None
        return "done"

    url, reports = ResponseUrl(), Reports()
    bot = a_bot(handler, drain_s=1.0, transport=url, hooks=reports.hooks)
    await bot.__aenter__()
    event = CLIQ.say("hi")
    serving = asyncio.create_task(bot.receive(*event, is_gone=after(0.0)))
    await asyncio.sleep(2.0)
    await bot.close()
    assert (await serving).body == NOTHING
    assert nothing_is_left(bot)
    assert (len(reports.failed), url.posts) == (1 if ending == "fails" else 0, [])
    found = [(lost.event.text, lost.reason, lost.output) for lost in reports.lost]
    early = "the bot was closed before its handler was done"
    later = "the bot was closed before the late answer was delivered: it may be lost"
    assert (
        found
        == {
            "cancelled": [("hi", early, None)],
            "answers": [("hi", later, {"text": "done"})],
            "fails": [],
        }[ending]
    )
    assert now() == 3.0


@moved
async def test_delivery_that_is_cut_off_keeps_its_answer_for_the_hook():
    reports = Reports()
    bot = a_bot(takes(14.0), drain_s=0.5, transport=ResponseUrl(), hooks=reports.hooks)
    await bot.__aenter__()
    serving = asyncio.create_task(bot.receive(*CLIQ.say("hi")))
    await asyncio.sleep(14.5)
    bot.create_task(asyncio.sleep(100.0))
    await bot.close()
    await serving
    (lost,) = reports.lost
    assert (lost.event.text, lost.output) == ("hi", {"text": "done"})
    assert nothing_is_left(bot)


@moved
async def test_events_and_tasks_that_are_cancelled_are_counted(caplog):
    bot = a_bot(takes(100.0), drain_s=1.0)
    async with bot:
        serving = [asyncio.create_task(bot.receive(*CLIQ.say("hi"))) for _ in range(2)]
        bot.create_task(asyncio.sleep(100.0))
        await asyncio.sleep(1.0)
    await asyncio.wait(serving)
    assert "3 events or tasks were cancelled" in caplog.text
    caplog.clear()
    async with bot:
        pass
    assert caplog.messages == []


@moved
async def test_late_answer_of_a_bot_that_was_not_opened_is_warned_of_once(caplog):
    url = ResponseUrl()
    bot = a_bot(takes(20.0), transport=url)
    await asyncio.gather(*(bot.receive(*CLIQ.say("hi")) for _ in range(3)))
    await asyncio.sleep(10.0)
    assert len(url.posts) == 3
    (warning,) = caplog.messages
    assert warning == (
        "an answer comes late, and the bot was not opened: if the program ends, the answer is "
        "lost; use `async with bot`, or the lifespan of the server"
    )
