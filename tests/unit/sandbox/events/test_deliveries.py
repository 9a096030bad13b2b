"""The record of deliveries."""

from cliq_async.sandbox.events.deliveries import Delivery, DeliveryLog


def add(log, body=b"{}"):
    return log.add(lambda number: Delivery(id=number, bot="b", handler="h", body=body), "event")


def test_the_record_keeps_the_last_ones():
    log: DeliveryLog[str] = DeliveryLog(capacity=3)
    for _ in range(5):
        add(log)
    assert [each.id for each in log.all()] == [3, 4, 5]
    assert log.count == 5
    assert (log.find(2), log.event(2)) == (None, None)
    assert log.event(3) == "event"


def test_the_record_is_bounded_by_its_bytes():
    log: DeliveryLog[str] = DeliveryLog()
    for _ in range(100):
        add(log, b" " * 2**20)
    assert [each.id for each in log.all()] == list(range(37, 101))
    huge = add(log, b" " * 2**27)
    assert log.all() == (huge,)


def test_a_delivery_that_is_dropped_can_still_change():
    log: DeliveryLog[str] = DeliveryLog(capacity=1)
    first, _ = add(log), add(log)
    assert log.change(first, status=200).status == 200
    assert [each.id for each in log.all()] == [2]


def test_changes_are_found_by_their_revision():
    log: DeliveryLog[str] = DeliveryLog()
    first, second = add(log), add(log)
    before = log.revision
    assert log.changed_since(before) == []
    first = log.change(first, status=200, response=b"x" * 100_000)
    assert log.changed_since(before) == [first]
    assert len(first.response) == 65_536
    assert log.changed_since(0) == [first, second]


def test_the_event_is_read_from_the_bytes():
    assert Delivery(bot="b", handler="h", body=b'{"a":1.0}').request == {"a": 1.0}
    assert Delivery(bot="b", handler="h", skipped="why").request == {}
