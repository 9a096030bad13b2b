"""What is known of a resource that does not answer, and for how long it is believed."""

import pytest
from support.stores import Clock

from cliq_async.errors import QuotaStoreError
from cliq_async.storage.outage import Outage


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cliq_async.storage.outage.monotonic", clock)
    return clock


@pytest.fixture
def outage(clock):
    return Outage(QuotaStoreError)


def test_batch_that_hangs_is_an_outage_once_it_is_slow_and_a_caller_has_left(outage, clock):
    assert outage.as_error() is None
    outage.begin()
    clock.advance(3.0)
    assert outage.as_error() is None, "it may still be answered in time for all"
    outage.abandon()
    assert str(outage.as_error()) == "the store has not answered for 3 s"
    assert outage.end()
    assert outage.as_error() is None
    outage.begin()
    outage.abandon()
    assert outage.as_error() is None, "it has only begun"
    assert not outage.end()


def test_failure_is_believed_while_it_is_new_or_looked_at(outage, clock):
    outage.note(ValueError("gone"))
    error = outage.as_error()
    assert isinstance(error, QuotaStoreError)
    assert str(error) == "gone"
    assert outage.as_error() is not error, "each caller raises its own"
    clock.advance(2.0)
    assert outage.as_error() is None
    outage.begin()
    assert outage.as_error() is not None
    outage.end()
    outage.note(None)
    assert outage.as_error() is None
