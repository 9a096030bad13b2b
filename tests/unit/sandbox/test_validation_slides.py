"""Slides, as the documents describe them: those of bots, of message contents and of buttons."""

import msgspec
import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.validation import read_message

BUTTON = {"label": "Open", "action": {"type": "open.url", "data": {"web": "https://example.com"}}}
POINTS = [{"label": "Social Media", "value": 40}, {"label": "Growth", "value": 2.5}]
MONTHS = [{"label": f"{month}", "value": month} for month in range(20)]


def read(**slide):
    body = {"user_ids": "1", "slides": [slide]}
    read_message(msgspec.json.encode(body), {})


def table(**styles):
    data = {"headers": ["Name", "Team", "Lead"], "rows": [{"Name": "Paula"}], "styles": styles}
    return {"type": "table", "data": data}


def styled_list(kind):
    return {"type": "list", "data": ["Keep it simple"], "styles": {"type": kind}}


def chart(data=None, **styles):
    return {"type": "percentage_chart", "data": data or POINTS, "styles": styles}


def graph(data=None, **styles):
    category = {"category": "Asana", "values": POINTS}
    return {"type": "graph", "data": data or [category], "styles": styles}


GOOD = {
    "table with all styles": table(width=[50, 30, 20], sticky={"rows": 1, "columns": 2}),
    "table with nothing sticky": table(sticky={"rows": 0}),
    "list": styled_list("disc"),
    "list in Roman numbers": styled_list("upper-roman"),
    "list as in the example": styled_list("bulleted"),
    "labels by name": {"type": "label", "data": [{"label": "Revenue", "value": "$5"}]},
    "labels by key": {"type": "label", "data": [{"Revenue": "$5"}, {"Growth": "25%"}]},
    "labels of both kinds": {"type": "label", "data": [{"a": "b"}, {"label": "a", "value": "b"}]},
    "images": {"type": "images", "data": ["https://example.com/a.png"]},
    "images of the other document": {"type": "image", "data": ["https://example.com/a.png"]},
    "chart": chart(preview="pie"),
    "chart with most segments": chart([{"label": "x" * 20, "value": 1}] * 5),
    "chart without styles": {"type": "percentage_chart", "title": "Report", "data": POINTS},
    "graph": graph(preview="trend", x_axis="Months", y_axis="Usage count"),
    "most categories": graph([{"category": "x" * 20, "values": MONTHS}] * 5),
    "buttons": {"type": "text", "data": "x" * 10_000, "buttons": [BUTTON] * 6},
}

BAD = {
    "three sticky rows": table(sticky={"rows": 3}),
    "sticky cells": table(sticky={"cells": 1}),
    "sticky as a list": table(sticky=[1, 2]),
    "unknown list": styled_list("stars"),
    "label with two keys": {"type": "label", "data": [{"a": "b", "c": "d"}]},
    "label with half a name": {"type": "label", "data": [{"value": "a"}]},
    "label without keys": {"type": "label", "data": [{}]},
    "label of a wrong type": {"type": "label", "data": ["a"]},
    "label with a nested value": {"type": "label", "data": [{"a": ["b"]}]},
    "unknown chart": chart(preview="bar"),
    "chart with too many segments": chart([{"label": "a", "value": 1}] * 6),
    "chart with a long label": chart([{"label": "x" * 21, "value": 1}]),
    "chart of texts": chart([{"label": "a", "value": "1"}]),
    "chart of truths": chart([{"label": "a", "value": True}]),
    "chart with an axis": chart(x_axis="Months"),
    "unknown graph": graph(preview="pie"),
    "long axis": graph(x_axis="x" * 21),
    "too many categories": graph([{"category": "a", "values": POINTS}] * 6),
    "too many values": graph([{"category": "a", "values": [*MONTHS, MONTHS[0]]}]),
    "category without values": graph([{"category": "a"}]),
    "button without a label": {"type": "text", "data": "Hello", "buttons": [{}]},
    "styles on a text": {"type": "text", "data": "Hello", "styles": {}},
}


@pytest.mark.parametrize("slide", GOOD.values(), ids=GOOD)
def test_documented_slide_is_accepted(slide):
    read(**slide)


@pytest.mark.parametrize("slide", BAD.values(), ids=BAD)
def test_undocumented_slide_is_refused(slide):
    with pytest.raises(ApiFault) as caught:
        read(**slide)
    assert (caught.value.status, bool(caught.value.code)) == (400, True)
