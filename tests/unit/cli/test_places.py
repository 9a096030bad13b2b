"""The lines of places in JSON and TOML."""

import json
import tomllib

import pytest
from hypothesis import given, strategies as st

from cliq_async.cli.inputs.places import json_line, toml_line

JSON = """{
 "text": "a", "b": "x\\"}",
 "buttons": [
  {"label":
    "x"},
  {"label": 1, "a": {"b": [1,2,
    3]}, "label":
    2}
 ]
}"""
TOML = '''a = 1
x = [
 1,
 "limits",
]
text = """
limits = 1
"""
[limits]
send_message = {threshold = 3, treshold = 4}
[profiles.work]
account = "x"
[[bots.s.menus]]
name = "a"
[[bots.s.menus]]
name = "b"
nam = "c"
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("text", 2),
        ("b", 2),
        ("buttons", 3),
        ("buttons[0].label", 5),
        ("buttons[1]", 6),
        ("buttons[1].a.b[2]", 7),
        ("buttons[1].label", 8),
        ("buttons[1].missing", 6),
        ("buttons[7]", 3),
        ("buttons.label", 3),
        ("missing", 1),
        ("", 1),
    ],
)
def test_a_place_in_json_is_in_its_line(place, line):
    assert json_line(JSON, place) == line


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("a", 1),
        ("x", 2),
        ("limits", 9),
        ("limits.send_message.treshold", 10),
        ("profiles.work.account", 12),
        ("profiles.work.missing", 11),
        ("bots.s.menus[0].name", 14),
        ("bots.s.menus[1].name", 16),
        ("bots.s.menus[1].nam", 17),
        ("bots.s.menus[1].script_file", 15),
        ("missing", None),
    ],
)
def test_a_place_in_toml_is_in_its_line(place, line):
    assert toml_line(TOML, place) == line


def test_the_text_is_valid():
    assert json.loads(JSON)["buttons"][1]["label"] == 2
    assert tomllib.loads(TOML)["limits"]


names = st.text("abc", min_size=1, max_size=2)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def places(value, place=""):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, f"{place}[{index}]")
    else:
        yield place


@given(values, st.sampled_from([None, 1, "\t"]))
def test_each_place_of_any_json_is_found(value, indent):
    text = json.dumps(value, indent=indent)
    lines = [json_line(text, place) for place in places(value)]
    assert lines == sorted(lines)
    if indent is not None and lines:
        assert len(set(lines)) == len(lines)
