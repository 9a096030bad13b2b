"""Personal messages: equal ones share requests, and what is wrong is found before the first."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from support.clients import a_client
from support.scripted import moved
from support.stores import Inline

from cliq_async.bulk.template import MessageTemplate
from cliq_async.client import CliqClient
from cliq_async.errors import JournalError, ValidationError
from cliq_async.models.message import Message
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeTransport, run_in_virtual_time


@pytest.fixture(autouse=True)
def journals_without_a_thread(monkeypatch):
    monkeypatch.setattr("cliq_async.bulk.journal.WorkerThread", lambda file, _forked: Inline(file))


class Cliq:
    """Answers everything, and knows what each person was sent."""

    def __init__(self):
        self.requests = []
        self.transport = FakeTransport(self.answer)

    def answer(self, request):
        self.requests.append(request.json)
        return 200, {}

    @property
    def sent(self):
        found: list[tuple[str, Any]] = []
        for body in self.requests:
            ids = body["user_ids"]
            for each in ids.split(",") if isinstance(ids, str) else ids:
                found.append((each, body["text"]))  # noqa: PERF401 - two loops
        return found


def rows(many, texts):
    return [{"user_id": str(1000 + n), "shift": f"shift {n * 7 % texts}"} for n in range(many)]


def test_twenty_thousand_with_forty_texts_take_two_hundred_and_forty_requests_at_the_most():
    async def main():
        cliq = Cliq()
        async with a_client(cliq.transport) as client:
            template = MessageTemplate("You have {{ shift }}.")
            people = rows(20_000, 40)
            report = await client.broadcast("ops", template, iter(people))
        assert (report.delivered, report.failed, report.unknown) == (20_000, 0, 0)
        assert report.requests == len(cliq.requests) <= 240
        assert Counter(cliq.sent) == Counter(
            (row["user_id"], f"You have {row['shift']}.") for row in people
        )

    run_in_virtual_time(main())


@moved
async def test_messages_may_be_made_by_any_function():
    cliq = Cliq()
    async with a_client(cliq.transport) as client:
        report = await client.broadcast(
            "ops", lambda n: (n, Message("odd") if n % 2 else "even"), range(1, 7)
        )
    assert report.requests == 2
    assert sorted(cliq.sent) == [(str(n), "odd" if n % 2 else "even") for n in range(1, 7)]


WRONG: list[tuple[Any, str]] = [
    ({"user_id": "9"}, r"row 3: template: 'shift' is undefined; the row's columns are user_id"),
    ({"user_id": "9", "shift": None}, "row 3: template: '.*' is undefined"),
    ({"shift": "1"}, "row 3: to: one of the row's columns shift, got 'user_id'"),
    ({"user_id": "9", "shift": "x" * 5_000}, "row 3: text: a str of 1 to 5,000 characters"),
    ("9", "row 3: row: a mapping from columns to values, got '9'"),
]


@pytest.mark.parametrize(("bad", "said"), WRONG)
@moved
async def test_what_is_wrong_with_a_row_is_found_before_the_first_request(bad, said, tmp_path):
    cliq = Cliq()
    people = [*rows(2, 2), bad, *rows(300, 2)]
    async with a_client(cliq.transport) as client:
        with pytest.raises(ValidationError, match=said):
            await client.broadcast("ops", MessageTemplate("You have {{ shift }}"), people)
        with pytest.raises(ValidationError, match=r"row 3 \(and 1 more\)"):
            await client.broadcast("ops", MessageTemplate("You have {{ shift }}"), [*people, bad])
        journal = tmp_path / "job"
        with pytest.raises(ValidationError):
            await client.broadcast(
                "ops", MessageTemplate("You have {{ shift }}"), people, journal=journal
            )
        assert cliq.requests == []
        good = await client.broadcast(
            "ops", MessageTemplate("{{ shift }}"), rows(5, 1), journal=journal, batch_size=5
        )
        assert good.delivered == 5, "a journal of nothing is anybody's"


@moved
async def test_a_function_that_fails_says_for_which_item():
    cliq = Cliq()
    async with a_client(cliq.transport) as client:
        with pytest.raises(KeyError) as caught:
            await client.broadcast("ops", lambda row: (row["id"], row["name"]), [{"id": 1}])
        assert "item 1" in caught.value.__notes__[0]
        with pytest.raises(ValidationError, match="a recipient and their content"):
            await client.broadcast("ops", lambda row: row["id"], [{"id": 1}])
    assert cliq.requests == []


@moved
async def test_who_is_no_recipient_is_skipped_and_the_others_get_theirs():
    cliq = Cliq()
    people = [(1, "a"), ("no id", "a"), (2, "b"), (1, "b"), ("Out@example.com", "a"), (3, "a")]
    async with a_client(cliq.transport) as client:
        report = await client.broadcast(
            "ops", lambda pair: pair, people, dedupe=True, exclude=["out@EXAMPLE.com"]
        )
    assert sorted(cliq.sent) == [("1", "a"), ("2", "b"), ("3", "a")]
    assert (report.delivered, report.skipped) == (3, 3)
    assert [outcome.ids for outcome in report.outcomes] == [("no id",)]


@moved
async def test_an_empty_list_is_a_job_of_nothing():
    cliq = Cliq()
    async with a_client(cliq.transport) as client:
        report = await client.broadcast("ops", lambda pair: pair, [])
    assert (report.requests, report.done, report.stopped) == (0, 0, None)


# With a journal.


@moved
async def test_a_job_goes_on_where_it_was_and_other_messages_are_refused(tmp_path):
    cliq = Cliq()
    journal = tmp_path / "job"
    template = MessageTemplate("You have {{ shift }}.")
    people = rows(2_000, 7)
    loop = asyncio.get_running_loop()
    async with a_client(cliq.transport) as client:
        job = client.broadcast_job("ops", template, journal=journal, max_in_flight=2, batch_size=10)
        loop.call_later(60, job.stop, "enough")
        first = await job.run(people)
        assert 0 < first.delivered < 2_000
        with pytest.raises(JournalError, match="recipients or messages differ"):
            await client.broadcast(
                "ops", MessageTemplate("{{ shift }}"), people, journal=journal, batch_size=10
            )
        with pytest.raises(JournalError, match="its message"):
            await client.broadcast("ops", "Hello", ["1"], journal=journal, batch_size=10)
        report = await client.broadcast(
            "ops", template, iter(people), journal=journal, batch_size=10
        )
    assert report.delivered == 2_000
    assert Counter(cliq.sent) == Counter(
        (row["user_id"], f"You have {row['shift']}.") for row in people
    )


@moved
async def test_who_is_unknown_is_sent_the_same_again_if_asked(tmp_path):
    cliq = Cliq()
    journal = tmp_path / "job"

    def lose(request):
        cliq.answer(request)
        return 502, {}

    async with a_client(FakeTransport(lose)) as client:
        first = await client.broadcast(
            "ops", lambda pair: pair, [(1, "a"), (2, "b")], journal=journal
        )
    assert first.unknown == 2
    assert b'"text":"b"' in journal.read_bytes()
    again = Cliq()
    async with a_client(again.transport) as client:
        report = await client.broadcast(
            "ops",
            lambda pair: pair,
            [(1, "a"), (2, "b")],
            journal=journal,
            resend_unknown=True,
        )
    assert (report.delivered, report.unknown) == (2, 0)
    assert sorted(again.sent) == [("1", "a"), ("2", "b")]


# Plans.


@moved
async def test_a_plan_says_what_would_be_sent_and_sends_nothing(tmp_path):
    cliq = Cliq()
    journal = tmp_path / "job"
    async with a_client(cliq.transport) as client:
        job = client.broadcast_job("ops", MessageTemplate("{{ shift }}"), journal=journal)
        plan = await job.plan([*rows(250, 5), {"user_id": "no id", "shift": "x"}])
        assert (plan.recipients, plan.skipped, plan.requests) == (250, 1, 5)
        assert plan.first[0]["text"].startswith("shift")
        assert len(plan.first) == 3
        same = await client.broadcast_job("ops", "Hello").plan(range(1, 102))
        assert (same.requests, same.first[1]) == (2, {"text": "Hello", "user_ids": "101"})
    assert cliq.requests == []
    assert not journal.exists()


# In the sandbox.


async def test_everybody_gets_their_own_message_from_the_sandbox():
    async with Sandbox(subscribers=250, time_scale=600) as sandbox:
        async with CliqClient(
            "t", base_url=sandbox.url, quota="memory://", time_scale=600
        ) as client:
            people = [user async for user in client.subscribers.iter("supportbot")]
            report = await client.broadcast(
                "supportbot",
                MessageTemplate("You are {{ 'first' if first else 'second' }}"),
                [{"user_id": user.user_id, "first": n < 120} for n, user in enumerate(people)],
            )
        assert (report.delivered, report.requests) == (250, 4)
        delivered = sandbox.report()["delivered"]
        assert (delivered["recipients"], delivered["max_per_recipient"]) == (250, 1)
        assert json.dumps(delivered)
