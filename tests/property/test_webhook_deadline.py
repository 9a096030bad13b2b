"""Whatever happens when: each answer is given, sent late, or reported as lost, exactly once."""

import asyncio

import attrs
import msgspec
from hypothesis import given, strategies as st
from support.effort import tries
from support.scripted import now
from support.webhook_bots import CLIQ, Reports, ResponseUrl, a_bot

from cliq_async.testing import run_in_virtual_time
from cliq_async.webhooks import MessageEvent

MOMENTS = st.sampled_from(
    [0.0, 0.1, 0.4, 0.5, 0.6, 3.0, 12.9, 13.0, 13.1, 14.0, 15.0, 15.9, 16.0, 16.1, 20.0, 45.0, 90.0]
)
MAYBE = st.none() | MOMENTS
STEPS = st.sampled_from([200, 204, 302, 410, 500, "unsent", OSError("?")])


@attrs.frozen
class Story:
    """An event: when the handler is done, its client hangs up, and what the server does then.

    Attributes:
        comes_at: When it arrives.
        takes: How long its handler takes.
        hangs_up: When its client hangs up, counted from its arrival, or None.
        cancels: True if the server cancels the request then; else one may look.
        fails: True if the handler raises.
        url: False if it has no response_url.
    """

    comes_at: float
    takes: float
    hangs_up: float | None
    cancels: bool
    fails: bool
    url: bool


STORIES = st.lists(
    st.builds(Story, MOMENTS, MOMENTS, MAYBE, st.booleans(), st.booleans(), st.booleans()),
    min_size=1,
    max_size=6,
)


async def play(stories, closes_at, drain_s, steps, post_takes):
    """Returns what became of each event: the places where its answer was seen."""
    url, reports = ResponseUrl(*steps, delay_s=post_takes), Reports()

    async def handler(event: MessageEvent) -> str:
        story = stories[int(event.text)]
        await asyncio.sleep(story.takes)
        if story.fails:
            raise ZeroDivisionError
        return event.text

    bot = a_bot(
        handler,
        public_key=None,
        transport=url,
        hooks=reports.hooks,
        max_age_s=None,
        drain_s=drain_s,
    )
    seen: list[list[str]] = [[] for _ in stories]

    async def serve(number, story):
        payload = CLIQ.say(str(number)).payload
        if not story.url:
            del payload["response_url"]
        await asyncio.sleep(story.comes_at)
        began_at = now()
        gone_at = 1e9 if story.hangs_up is None else began_at + story.hangs_up

        async def is_gone():
            return now() >= gone_at

        receiving = asyncio.create_task(
            bot.receive(msgspec.json.encode(payload), None, is_gone=is_gone)
        )
        if story.cancels and story.hangs_up is not None:
            await asyncio.wait((receiving,), timeout=story.hangs_up)
            receiving.cancel()
        await asyncio.wait((receiving,))
        if receiving.cancelled():
            return
        answer = receiving.result()
        if answer.status == 503:
            seen[number].append("refused")
        elif msgspec.json.decode(answer.body)["output"]:
            seen[number].append("answered")
            assert now() <= began_at + 13.0
            # A look notices a client that was gone, unless its handler took next to no time.
            assert now() <= gone_at or story.takes < 0.5

    await bot.__aenter__()
    serving = [asyncio.create_task(serve(*each)) for each in enumerate(stories)]
    await asyncio.sleep(closes_at)
    await bot.close()
    await asyncio.wait(serving)
    delivered = [
        each
        for each, step in zip(
            url.posts, [step for step in steps if step != "unsent"] + [200] * 99, strict=False
        )
        if step in (200, 204)
    ]
    lost = {int(details.event.text) for details in reports.lost}
    for _, body in delivered:
        number = int(msgspec.json.decode(body)["output"]["text"])
        if not (number in lost and post_takes):  # cancelled while it was being sent: it may be lost
            seen[number].append("posted")
    for details in reports.lost:
        seen[int(details.event.text)].append("lost")
    for details in reports.failed:
        seen[int(details.event.text)].append("failed")
    assert len(url.posts) == len({body for _, body in url.posts})
    assert bot._dispatcher._in_flight == 0
    assert bot._dispatcher._tasks == set()
    return seen


@given(
    STORIES,
    st.floats(0.0, 120.0),
    st.sampled_from([0.0, 1.0, 10.0, 30.0, 200.0]),
    st.lists(STEPS, max_size=8),
    st.sampled_from([0.0, 0.5, 10.0]),
)
@tries(60)
def test_each_answer_is_given_sent_or_reported_once(stories, closes_at, drain_s, steps, post_takes):
    seen = run_in_virtual_time(play(stories, closes_at, drain_s, steps, post_takes))
    for story, places in zip(stories, seen, strict=True):
        assert len(places) == 1, story
