"""The dashboard for Grafana asks for metrics and labels that the package really sends."""

import asyncio
import itertools
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from support.scripted import DONE, SECRET, THROTTLED, Scripted

from cliq_async import CliqClient, Limit, MemoryStore, QuotaWaitError
from cliq_async.otel import OpenTelemetry
from cliq_async.testing import run_in_virtual_time

PATH = Path(__file__).parents[2] / "docs" / "grafana" / "cliq-async.json"
DASHBOARD = json.loads(PATH.read_text())
PANELS = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
VARIABLES = {each["name"] for each in DASHBOARD["templating"]["list"]}
BUILT_IN = {"__range", "__rate_interval"}
KNOWN = {"increase", "rate", "sum", "min", "histogram_quantile", "by", "le", "label_values"}


def metrics_in(query):
    return set(re.findall(r"\bcliq_\w+", query))


def labels_in(query):
    """The labels that a query selects and groups by."""
    selectors = re.findall(r"\{(.*?)\}", query)
    groups = re.findall(r"\bby \((.*?)\)", query)
    named = [name for each in selectors for name in re.findall(r"(\w+)(?:=~|!=|=)", each)]
    return {*named, *(name.strip() for each in groups for name in each.split(","))}


WITH_EXPORTER = pytest.mark.skipif(
    find_spec("prometheus_client") is None, reason="the group `docs` is not installed"
)


def scraped():
    return run_in_virtual_time(collect())


async def collect():
    """The labels of each metric, as Prometheus reads them, after waits, a lock and deliveries."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import REGISTRY, generate_latest
    from prometheus_client.parser import text_string_to_metric_families

    reader = PrometheusMetricReader()  # adds itself to the registry
    meters = MeterProvider([reader])
    telemetry = OpenTelemetry(meter_provider=meters)
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    limits = {name: Limit(10, 60.0) for name in ("list_bots", "send_message")}
    async with CliqClient(
        SECRET,
        transport=Scripted([DONE, THROTTLED, DONE]),
        quota=store,
        hooks=telemetry.hooks,
        limits=limits,
        max_wait_s=None,
    ) as client:
        telemetry.observe(client)
        await asyncio.gather(*(client.bots.list() for _ in range(15)))
        with pytest.raises(QuotaWaitError):
            await asyncio.gather(
                *(client.with_options(max_wait_s=1).bots.list() for _ in range(20))
            )
        count = telemetry.count_deliveries()
        await client.broadcast("b", "x", range(1, 1501), on_progress=count)
        text = generate_latest(REGISTRY).decode()
    meters.shutdown()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@WITH_EXPORTER
def test_each_metric_and_label_of_the_dashboard_is_sent():
    sent = scraped()
    for query in QUERIES:
        (metric,) = metrics_in(query)
        assert metric in sent, query
        assert labels_in(query) <= sent[metric], query
        legends = re.sub(r"\{.*?\}|\[.*?\]|\$\w+|[\d.]+", " ", query)
        words = set(re.findall(r"[A-Za-z_]\w*", legends))
        assert words <= {metric, *KNOWN, *labels_in(query)}, query
    for panel in PANELS:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= labels_in(target["expr"]), panel["title"]


@WITH_EXPORTER
def test_the_dashboard_shows_all_that_is_sent():
    series = {name for name in scraped() if name.startswith("cliq_")}
    families = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in series}
    shown = {re.sub(r"_(bucket|count|sum|total)$", "", *metrics_in(each)) for each in QUERIES}
    assert families == shown


def test_variables_exist_and_are_used():
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(PANELS)))
    assert used - BUILT_IN == VARIABLES
    (endpoint,) = (each for each in DASHBOARD["templating"]["list"] if each["name"] == "endpoint")
    assert metrics_in(endpoint["definition"]) <= set().union(*map(metrics_in, QUERIES))
    assert endpoint["query"]["query"] == endpoint["definition"]


def test_brackets_are_closed():
    for query in QUERIES:
        for opening, closing in ("()", "[]", "{}"):
            assert query.count(opening) == query.count(closing), query


def test_panels_have_a_place_a_title_and_a_name_of_their_own():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
