"""Who is left of a job: nobody is lost, and nobody twice."""

from collections import Counter

import pytest

from cliq_async.bulk.report import Outcome
from cliq_async.cli.errors import CliError
from cliq_async.cli.outputs.job_ledger import JobLedger


async def ledger_of(items, *outcomes, read, again=True, **options):
    """A ledger of a job that has read some items, with its outcomes."""
    ledger = JobLedger(exclude=options.pop("exclude", frozenset()), **options)

    async def stream():
        for each in items:
            yield each

    recorded = ledger.record(stream())
    for _ in range(read):
        await anext(recorded)
    await ledger.settle([Outcome(*each) for each in outcomes], stream() if again else None)
    return ledger


def ids_by_status(ledger):
    found: dict[str, list[str]] = {}
    for recipient, status, *_ in ledger.rows():
        found.setdefault(status, []).append(recipient)
    return found


async def test_those_without_an_outcome_are_left():
    done = [(("1", "2"), "delivered", ""), (("3",), "failed", "no", "code")]
    with await ledger_of("123456", *done, (("4",), "unknown", "lost"), read=5) as ledger:
        assert ids_by_status(ledger) == {
            "delivered": ["1", "2"],
            "failed": ["3"],
            "unknown": ["4"],
            "left": ["5", "6"],
        }
        assert [(each.status, each.count) for each in ledger.groups()] == [
            *(("left", 2), ("failed", 1), ("unknown", 1), ("delivered", 2))
        ]
        assert ledger.count("left") == 2


async def test_a_stream_is_not_read_again():
    with await ledger_of("1234", (("1",), "delivered", ""), read=2, again=False) as ledger:
        assert ids_by_status(ledger)["left"] == ["2"]


@pytest.mark.parametrize("read", [3, 4, 6])
async def test_a_repeated_id_is_left_as_often_as_it_was_not_sent_to(read):
    done = (("1", "2", "1"), "delivered", "")
    with await ledger_of("121213", done, read=read) as ledger:
        assert ids_by_status(ledger)["left"] == ["2", "1", "3"]
    once = [(("1", "2"), "delivered", ""), (("1",), "skipped", "repeated")]
    with await ledger_of("121213", *once, read=read, dedupe=True) as ledger:
        assert ids_by_status(ledger)["left"] == ["3"]


async def test_an_id_whose_repetition_was_skipped_is_left_if_it_was_not_sent_to():
    done = [(("1",), "delivered", ""), (("2",), "skipped", "repeated")]
    with await ledger_of("1223", *done, read=3, dedupe=True) as ledger:
        assert ids_by_status(ledger)["left"] == ["2", "3"]


async def test_dedupe_ignores_case():
    items = ["Ann@example.com", "ann@example.com", "bob@example.com", "BOB@example.com"]
    done = (("Ann@example.com",), "delivered", "")
    with await ledger_of(items, done, read=1, dedupe=True) as ledger:
        assert ids_by_status(ledger)["left"] == ["bob@example.com"]


async def test_excluded_ids_are_not_left():
    done = [(("1",), "delivered", ""), (("2",), "skipped", "excluded")]
    with await ledger_of("12345", *done, read=3, exclude=frozenset("24")) as ledger:
        assert ids_by_status(ledger)["left"] == ["3", "5"]


async def test_what_is_no_id_is_left_only_if_it_was_not_read():
    items = ["a b", " 1 ", None, "c d", 2, "\ud800"]
    done = [(("a b",), "skipped", "not an id"), (("1",), "delivered", "")]
    with await ledger_of(items, *done, read=2) as ledger:
        assert ids_by_status(ledger)["left"] == ["None", "c d", "2", "?"]


async def test_who_has_several_messages_of_which_some_were_sent_is_unknown():
    items = [{"id": each, "text": str(number)} for number, each in enumerate("12131")]
    done = (("1", "2"), "delivered", "")
    with await ledger_of(items, done, read=5, column="id") as ledger:
        found = ids_by_status(ledger)
        assert (found["left"], found["unknown"]) == (["3"], ["1"])
        assert "it is not known which" in ledger.groups()[1].reason


async def test_many_recipients_are_each_there_once():
    items = [str(number) for number in range(10_000)]
    outcomes = [
        (tuple(items[start : start + 100]), "delivered", "") for start in range(0, 5_000, 100)
    ]
    with await ledger_of(items, *outcomes, read=6_000) as ledger:
        assert Counter(row[0] for row in ledger.rows()) == dict.fromkeys(items, 1)


@pytest.mark.parametrize("now", ["2143", "1", "1x34", ""])
async def test_list_that_has_changed_is_not_taken_for_the_one_that_was_read(now):
    async def stream(items):
        for each in items:
            yield each

    with JobLedger(exclude=frozenset()) as ledger:
        recorded = ledger.record(stream("1234"))
        for _ in range(2):
            await anext(recorded)
        with pytest.raises(CliError, match="the list has changed since the job read it"):
            await ledger.settle([Outcome(("1",), "delivered", "")], stream(now))
        assert ids_by_status(ledger) == {"delivered": ["1"], "left": ["2"]}
