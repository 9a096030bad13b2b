"""Whom a broadcast sends to: everybody who is read, once, in full batches."""

from collections import Counter

import pytest
from support.scripted import moved
from support.senders import Ids, Sender

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.errors import ValidationError


@pytest.mark.parametrize("source", [list, tuple, iter, aiter])
@pytest.mark.parametrize(
    ("many", "size", "last"), [(0, 10, None), (1, 10, 1), (95, 10, 5), (100, 100, 100)]
)
@moved
async def test_recipients_go_in_full_batches_each_once(source, many, size, last):
    sender, ids = Sender(), Ids(many)
    report = await Broadcast(sender, batch_size=size, max_in_flight=3).run(source(ids))
    assert sorted(int(i) for batch in sender.batches for i in batch) == [
        1000 + n for n in range(many)
    ]
    assert sorted(Counter(map(len, sender.batches)))[:1] == ([] if last is None else [last])
    assert (report.delivered, report.requests, report.stopped) == (many, -(-many // size), None)


@moved
async def test_never_more_is_read_than_is_on_its_way():
    class Watching(Sender):
        def begin(self, batch):
            ahead.append(ids.read - sum(map(len, self.batches)))
            return super().begin(batch)

    sender, ids = Watching(), Ids(10_000)
    ahead = []
    await Broadcast(sender, batch_size=7, max_in_flight=4).run(ids)
    assert max(ahead) <= 4 * 7
    assert sender.most == 4


@moved
async def test_repeats_are_sent_to_once_if_asked_in_whatever_case_they_are_written():
    ids = [1, "1", 2, "a@b.c", 1, "a@b.c", "A@b.c"]
    sender = Sender()
    report = await Broadcast(sender, dedupe=True).run(ids)
    assert sender.batches == [("1", "2", "a@b.c")]
    assert (report.delivered, report.skipped) == (3, 4)
    report = await Broadcast(Sender()).run(ids)
    assert (report.delivered, report.skipped) == (7, 0)


@moved
async def test_lines_of_a_file_are_ids(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("1\n 2 \r\n3")
    sender = Sender()
    with path.open() as lines:
        await Broadcast(sender).run(lines)
    assert sender.batches == [("1", "2", "3")]


@pytest.mark.parametrize(
    "bad",
    [None, "", " ", "1,2", "1\n2", True, 1.5, b"1", ["1", "2"], ("1", "2"), {"id": 1}, object()],
)
@moved
async def test_what_is_no_id_is_skipped_and_those_after_it_are_sent_to(bad):
    sender = Sender()
    report = await Broadcast(sender, batch_size=2).run([1, bad, 2, 3])
    assert sorted(sender.batches) == [("1", "2"), ("3",)]
    assert (report.delivered, report.skipped, report.stopped) == (3, 1, None)
    (outcome,) = report.outcomes
    assert outcome.status == "skipped"
    assert "not an id" in outcome.reason


@moved
async def test_job_whose_first_hundred_items_are_no_ids_stops_and_shows_three():
    ids = (f"Name {number}" if number < 100 else "1" for number in range(1_000))
    sender = Sender()
    report = await Broadcast(sender).run(ids)
    assert (sender.batches, report.delivered, report.skipped) == ([], 0, 100)
    stopped = report.stopped or ""
    assert "ids, but the first 100 items are not, got 'Name 0', 'Name 1', 'Name 2', …" in stopped
    report = await Broadcast(Sender()).run(["1", *(f"Name {number}" for number in range(200))])
    assert (report.delivered, report.skipped, report.stopped) == (1, 200, None)


@moved
async def test_data_frame_is_refused_and_its_column_is_taken():
    class Table:
        shape, columns = (3, 2), ("name", "user_id")

        def __iter__(self):
            return iter(self.columns)

    for job in (Broadcast(Sender()).run, Broadcast(Sender()).plan):
        with pytest.raises(ValidationError, match=r"table\['user_id'\]"):
            await job(Table())


@pytest.mark.parametrize("to", ["123", b"123", 123, None])
@moved
async def test_what_is_no_iterable_of_ids_is_refused(to):
    with pytest.raises(ValidationError):
        await Broadcast(Sender()).run(to)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": 101},
        {"batch_size": 1.5},
        {"batch_size": True},
        {"max_in_flight": 0},
        {"max_in_flight": 2.0},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError, match=next(iter(options))):
        Broadcast(Sender(), **options)


@moved
async def test_lines_of_a_file_can_be_left_out():
    sender = Sender()
    await Broadcast(sender, exclude=["2\n", " A@b.c"]).run([1, 2, "a@B.c"])
    assert sender.batches == [("1",)]


@moved
async def test_a_job_runs_once():
    job = Broadcast(Sender())
    await job.run(["1"])
    with pytest.raises(RuntimeError, match="once"):
        await job.run(["2"])
