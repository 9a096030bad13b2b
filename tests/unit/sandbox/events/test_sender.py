"""The deadline and the `response_url`, in virtual time."""

import asyncio
import json

import aiohttp
import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.events.post import is_loopback_url
from cliq_async.sandbox.events.sender import Sender
from cliq_async.testing import run_in_virtual_time

URL = "http://127.0.0.1:1/cliq"


def output(text="hi"):
    return json.dumps({"output": {"text": text} if text else ""}).encode()


class Bot:
    """A bot that answers after some seconds, and counts how often it was hung up on."""

    def __init__(self, after_s=0.0, body=None, status=200, error=None):
        self.after_s, self.status, self.error = after_s, status, error
        self.body = output() if body is None else body
        self.hung_up_at: list[float] = []
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.open = self.most_open = 0

    async def __call__(self, url, body, headers, *, slow_s=0.0):
        self.got.append((body, dict(headers)))
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            await asyncio.sleep(slow_s + self.after_s)
        except asyncio.CancelledError:
            self.hung_up_at.append(asyncio.get_running_loop().time())
            raise
        finally:
            self.open -= 1
        if self.error:
            raise self.error
        return self.status, self.body


def send(sender, *, token: str | None = "7", handler="message_handler", fault=None):
    return sender.send(URL, handler, lambda: (b"{}", "sig"), token=token, fault=fault)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_an_answer_before_the_deadline_is_taken_from_the_connection(scale):
    async def main():
        bot = Bot(after_s=14.9 / scale)
        outcome = await send(Sender(bot, time_scale=scale))
        assert (outcome.status, outcome.answer.output) == (200, {"text": "hi"})
        assert (outcome.late, outcome.error) == (False, None)
        assert outcome.took_s == pytest.approx(14.9)
        assert bot.got == [(b"{}", {"Content-Type": "application/json", "X-Cliq-Signature": "sig"})]

    run_in_virtual_time(main())


@pytest.mark.parametrize(("wait_s", "at_s"), [(15.0, 15.001), (15.0, 314.9), (10, 10.1), (40, 41)])
def test_after_the_deadline_it_hangs_up_and_the_response_url_takes_one_answer(wait_s, at_s):
    async def main():
        bot = Bot(after_s=1000)
        sender = Sender(bot, wait_s=wait_s)
        sending = asyncio.create_task(send(sender))
        await asyncio.sleep(wait_s - 0.001)
        with pytest.raises(ApiFault, match="still waits") as early:
            sender.take("7", output())
        assert (early.value.status, early.value.code) == (400, "response_url_too_early")
        await asyncio.sleep(at_s - wait_s + 0.001)
        sender.take("7", output("late"))
        with pytest.raises(ApiFault, match="it has taken one") as second:
            sender.take("7", output("again"))
        assert second.value.status == 410
        outcome = await sending
        assert bot.hung_up_at == [wait_s]
        assert (outcome.status, outcome.answer.output) == (None, {"text": "late"})
        assert (outcome.late, outcome.error) == (True, None)
        assert outcome.took_s == pytest.approx(at_s)

    run_in_virtual_time(main())


def test_the_response_url_closes_after_five_minutes():
    async def main():
        sender = Sender(Bot(after_s=1000))
        outcome = await send(sender)
        assert asyncio.get_running_loop().time() == pytest.approx(315)
        assert outcome.error == "no answer within 15 s, and none by the response_url"
        with pytest.raises(ApiFault, match="valid for 300 s"):
            sender.take("7", output())

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    "bot", [Bot(), Bot(body=output("")), Bot(status=500), Bot(error=aiohttp.ClientError("gone"))]
)
def test_the_response_url_takes_nothing_once_the_connection_has_ended(bot):
    async def main():
        sender = Sender(bot)
        await send(sender)
        await asyncio.sleep(20)
        with pytest.raises(ApiFault, match="answered on the connection"):
            sender.take("7", output())

    run_in_virtual_time(main())


def test_an_unknown_response_url_is_refused():
    async def main():
        with pytest.raises(ApiFault, match="No event") as caught:
            Sender(Bot()).take("8", output())
        assert caught.value.status == 404

    run_in_virtual_time(main())


@pytest.mark.parametrize("body", [output("late"), json.dumps(output("late").decode()).encode()])
def test_a_late_answer_is_an_object_or_a_string_that_holds_one(body):
    async def main():
        sender = Sender(Bot(after_s=1000))
        sending = asyncio.create_task(send(sender))
        await asyncio.sleep(16)
        sender.take("7", body)
        assert (await sending).answer.output == {"text": "late"}

    run_in_virtual_time(main())


def test_a_late_answer_that_is_not_valid_is_refused_and_told():
    async def main():
        sender = Sender(Bot(after_s=1000))
        sending = asyncio.create_task(send(sender))
        await asyncio.sleep(16)
        with pytest.raises(ApiFault, match="5001 characters"):
            sender.take("7", output("x" * 5001))
        outcome = await sending
        assert outcome.late
        assert "the answer was refused: 'text' has 5001 characters" in (outcome.error or "")
        assert outcome.answer.kind == "none"

    run_in_virtual_time(main())


def test_a_hang_up_does_not_open_the_response_url_earlier():
    async def main():
        bot = Bot(after_s=1000)
        sender = Sender(bot)
        sending = asyncio.create_task(send(sender, fault="event-hangup"))
        await asyncio.sleep(2)
        assert bot.hung_up_at == [1.0]
        with pytest.raises(ApiFault, match="still waits"):
            sender.take("7", output())
        await asyncio.sleep(14)
        sender.take("7", output("late"))
        assert (await sending).answer.output == {"text": "late"}

    run_in_virtual_time(main())


def test_a_slow_body_counts_towards_the_deadline():
    async def main():
        bot = Bot(after_s=13.5)
        outcome = await send(Sender(bot), token=None, fault="event-slow")
        assert bot.hung_up_at == [15.0]
        assert outcome.error == "no response within 15 s"

    run_in_virtual_time(main())


def test_a_call_has_no_response_url_and_its_answer_is_not_read():
    async def main():
        outcome = await send(Sender(Bot(body=b"<html>")), token=None, handler="call_handler")
        assert (outcome.error, outcome.answer.kind) == (None, "none")

    run_in_virtual_time(main())


def test_more_than_256_wait_for_their_turn_and_then_have_the_whole_time():
    async def main():
        bot = Bot(after_s=14)
        sender = Sender(bot)
        outcomes = await asyncio.gather(*(send(sender, token=str(number)) for number in range(600)))
        assert {each.error for each in outcomes} == {None}
        assert bot.most_open == 256

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("https://localhost/x", True),
        ("http://[::1]:1/", True),
        ("http://bot.localhost:80", True),
        ("http://127.9.9.9", True),
        ("http://10.0.0.1/", False),
        ("http://example.com/127.0.0.1", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://localhost.example.com/", False),
        ("http://[::1", False),
        ("http:///x", False),
    ],
)
def test_only_this_machine_is_local(url, local):
    assert is_loopback_url(url) is local


def test_other_machines_get_no_request():
    async def main():
        bot = Bot()
        sender = Sender(bot, is_allowed=is_loopback_url)
        outcome = await sender.send("http://10.0.0.1/", "message_handler", lambda: (b"", ""))
        assert "--allow-remote" in (outcome.error or "")
        assert bot.got == []

    run_in_virtual_time(main())
