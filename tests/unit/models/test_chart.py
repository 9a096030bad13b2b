"""The limits and the form of charts and graphs."""

from typing import Any

import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import Button, CopyText, Graph, Message, PercentageChart
from cliq_async.models.serialization import unstructure

YEAR = {f"{month}": month for month in range(20)}


def build(cls: Any, *args: Any, **fields: Any) -> Any:
    """Build a model from arguments that the type checker would refuse."""
    return cls(*args, **fields)


def slide(model: Any) -> Any:
    return unstructure(Message(slides=model))["slides"][0]


def test_chart_has_the_documented_form():
    chart = PercentageChart(
        {"Social Media": 40, "Growth": 25.5},
        preview="pie",
        title="Monthly Report",
        buttons=Button("Copy", action=CopyText("x")),
    )
    assert slide(chart) == {
        "type": "percentage_chart",
        "title": "Monthly Report",
        "data": [{"label": "Social Media", "value": 40}, {"label": "Growth", "value": 25.5}],
        "styles": {"preview": "pie"},
        "buttons": [{"label": "Copy", "action": {"type": "copy", "data": {"text": "x"}}}],
    }
    assert slide(build(PercentageChart, [["a", 1]]))["data"] == [{"label": "a", "value": 1}]


def test_graph_has_the_documented_form():
    usage = {"Asana": {"Jan": 9, "Feb": 6}, "BitBucket": [("Jan", 12)]}
    graph: Any = Graph(usage, preview="trend", x_axis="Months", y_axis="Usage count")
    assert slide(graph) == {
        "type": "graph",
        "data": [
            {
                "category": "Asana",
                "values": [{"label": "Jan", "value": 9}, {"label": "Feb", "value": 6}],
            },
            {"category": "BitBucket", "values": [{"label": "Jan", "value": 12}]},
        ],
        "styles": {"preview": "trend", "x_axis": "Months", "y_axis": "Usage count"},
    }
    assert "styles" not in slide(Graph(usage))
    assert graph.size == len("AsanaJanFebBitBucketJan") + len("trendMonthsUsage count")


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (lambda: build(PercentageChart, {}), "PercentageChart.segments"),
        (lambda: build(PercentageChart, dict.fromkeys("abcdef", 1)), "PercentageChart.segments"),
        (lambda: build(PercentageChart, {"x" * 21: 1}), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, {"a": "1"}), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, {"a": True}), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, {"a": float("inf")}), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, {"a": 2**63}), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, {"a": 10**5000}), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, [("a", 1, 2)]), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, ["ab"]), "PercentageChart.segments[0]"),
        (lambda: build(PercentageChart, {"a": 1}, preview="bar"), "PercentageChart.preview"),
        (lambda: build(Graph, {}), "Graph.categories"),
        (lambda: build(Graph, {name: {"a": 1} for name in "abcdef"}), "Graph.categories"),
        (lambda: build(Graph, {"a": {}}), "Graph.categories[0]"),
        (lambda: build(Graph, {"a": YEAR | {"more": 1}}), "Graph.categories[0]"),
        (lambda: build(Graph, {"x" * 21: YEAR}), "Graph.categories[0]"),
        (lambda: build(Graph, {"a": {"x" * 21: 1}}), "Graph.categories[0][0]"),
        (lambda: build(Graph, ["ab"]), "Graph.categories[0]"),
        (lambda: build(Graph, {"a": YEAR}, preview="pie"), "Graph.preview"),
        (lambda: build(Graph, {"a": YEAR}, x_axis="x" * 21), "Graph.x_axis"),
        (lambda: build(Graph, {"a": YEAR}, y_axis="x" * 21), "Graph.y_axis"),
    ],
)
def test_limits(made: Any, field: str):
    with pytest.raises(ValidationError) as raised:
        made()
    assert raised.value.field == field
