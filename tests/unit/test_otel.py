"""The metrics and spans of OpenTelemetry."""

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from support.scripted import DONE, SECRET, THROTTLED, Scripted, answer, moved

from cliq_async import CliqClient, Limit, MemoryStore, OutcomeUnknownError, QuotaWaitError
from cliq_async.otel import OpenTelemetry
from cliq_async.quota.stores.sqlite import SqliteStore


@pytest.fixture
def collected():
    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    meters = MeterProvider([reader])
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    yield OpenTelemetry(meter_provider=meters, tracer_provider=tracers), reader, spans, tracers
    meters.shutdown()
    tracers.shutdown()


def points(reader) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        metric.name: [
            (dict(point.attributes), getattr(point, "count", getattr(point, "value", None)))
            for point in metric.data.data_points
        ]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def a_client(telemetry, *steps, **options: Any):
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    transport = Scripted(list(steps))
    return CliqClient(
        SECRET, transport=transport, quota=store, hooks=telemetry.hooks, max_wait_s=None, **options
    )


@moved
async def test_requests_waits_locks_and_free_tokens_are_measured(collected):
    telemetry, reader, _, _ = collected
    limits = {"list_bots": Limit(10, 60.0)}
    async with a_client(telemetry, DONE, THROTTLED, DONE, limits=limits) as client:
        telemetry.observe(client)
        await client.bots.list()
        await client.bots.list()
        with pytest.raises(QuotaWaitError):
            await asyncio.gather(
                *(client.with_options(max_wait_s=1).bots.list() for _ in range(20))
            )
        found = points(reader)
    requests = {each["outcome"]: count for each, count in found["cliq.requests"]}
    assert requests["throttled"] == 1
    assert requests["done"] >= 2
    locks = {each["endpoint"]: count for each, count in found["cliq.locks"]}
    assert len(locks) == 23
    assert {name: count for name, count in locks.items() if count} == {"list_bots": 1}
    waits = [each for each, _ in found["cliq.quota.wait"]]
    assert {"endpoint": "list_bots", "lane": "interactive"} in waits
    assert any(each.get("error") == "QuotaWaitError" for each in waits)
    free = {each["endpoint"]: value for each, value in found["cliq.quota.free"]}
    assert len(free) == 23
    assert free["send_message"] == 50
    assert free["list_bots"] < 10


@moved
async def test_waiting_calls_are_measured_though_another_thread_collects(collected):
    telemetry, reader, _, _ = collected
    async with a_client(telemetry, DONE, limits={"list_bots": Limit(10, 60.0)}) as client:
        telemetry.observe(client)
        tasks = [asyncio.create_task(client.bots.list()) for _ in range(12)]
        await asyncio.sleep(1.0)
        found = points(reader)
        await asyncio.gather(*tasks)
    for name, expected in (("waiting", 2), ("free", 0), ("capacity", 10)):
        values = {each["endpoint"]: value for each, value in found[f"cliq.quota.{name}"]}
        assert values["list_bots"] == expected


@moved
async def test_store_is_read_once_for_all_gauges_of_a_collection(collected):
    class Counted(MemoryStore):
        looks = 0

        async def snapshots(self, quotas):
            self.looks += 1
            return await super().snapshots(quotas)

    telemetry, reader, _, _ = collected
    store = Counted(clock=asyncio.get_running_loop().time)
    async with CliqClient(SECRET, transport=Scripted([DONE]), quota=store) as client:
        telemetry.observe(client)
        for looks in (1, 2):
            assert len(points(reader)["cliq.quota.waiting"]) == 23
            assert store.looks == looks


@moved
async def test_deliveries_are_counted_by_outcome_as_the_job_goes_on(collected):
    telemetry, reader, _, _ = collected
    refused = answer(400, {"code": "botmessage_no_valid_users"})
    async with a_client(telemetry, DONE, refused) as client:
        count = telemetry.count_deliveries(bot="b")
        before = points(reader)["cliq.deliveries"]
        report = await client.broadcast("b", "x", range(1, 151), max_in_flight=1, on_progress=count)
    assert (report.delivered, report.failed) == (100, 50)
    found = points(reader)["cliq.deliveries"]
    assert {each["outcome"]: number for each, number in found if "bot" in each} == {
        "delivered": 100,
        "failed": 50,
        "unknown": 0,
        "skipped": 0,
    }
    assert [number for each, number in found if "bot" not in each] == [0] * 4
    assert [number for _, number in before] == [0] * 8


async def test_deliveries_of_earlier_runs_are_not_counted_again(collected, tmp_path):
    telemetry, reader, _, _ = collected
    journal = tmp_path / "news.journal"
    async with a_client(telemetry, DONE) as client:
        for to in (range(1, 101), range(1, 301)):
            await client.broadcast(
                "b", "x", to, journal=journal, on_progress=telemetry.count_deliveries()
            )
    found = {each["outcome"]: number for each, number in points(reader)["cliq.deliveries"]}
    assert found["delivered"] == 300


@moved
async def test_observed_clients_are_distinguished_and_closed_ones_are_not_measured(collected):
    telemetry, reader, _, _ = collected
    async with a_client(telemetry, DONE) as ann, a_client(telemetry, DONE) as bob:
        telemetry.observe(ann, account="ann")
        telemetry.observe(bob, account="bob")
        await bob.bots.list()
        found = points(reader)["cliq.quota.free"]
    free = {(each["account"], each["endpoint"]): value for each, value in found}
    assert len(free) == 46
    assert (free["ann", "list_bots"], free["bob", "list_bots"]) == (30, 29)
    assert "cliq.quota.free" not in points(reader)


async def test_store_that_fails_is_not_measured(collected, tmp_path):
    telemetry, reader, _, _ = collected
    (tmp_path / "file").write_text("")
    store = SqliteStore(tmp_path / "file" / "quota.db")
    client = CliqClient(SECRET, transport=Scripted([DONE]), quota=store)
    async with client:
        telemetry.observe(client)
        assert "cliq.quota.free" not in points(reader)


@moved
async def test_call_is_a_span_below_the_current_one(collected):
    telemetry, _, spans, tracers = collected
    tracer = tracers.get_tracer("test")
    async with a_client(telemetry, DONE) as client:
        with tracer.start_as_current_span("alert"):
            await client.bots.list()
    call, alert = spans.get_finished_spans()
    assert (call.name, alert.name) == ("cliq list_bots", "alert")
    assert call.parent.span_id == alert.context.span_id
    assert dict(call.attributes) == {"cliq.endpoint": "list_bots", "cliq.requests": 1}


@moved
async def test_span_of_a_failed_call_has_the_error_and_no_secret(collected):
    telemetry, _, spans, _ = collected
    async with a_client(telemetry, "lost") as client:
        with pytest.raises(OutcomeUnknownError):
            await client.messages.send("b", "x", user_ids=[1])
    (call,) = spans.get_finished_spans()
    assert call.status.status_code is StatusCode.ERROR
    assert call.attributes["error.type"] == "OutcomeUnknownError"
    assert SECRET not in call.to_json()
