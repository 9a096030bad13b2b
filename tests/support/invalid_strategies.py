"""Hypothesis strategies for invalid input: arguments passed by mistake, and mutated plain data."""

import copy
from typing import Any

from hypothesis import strategies as st
from support.strategies import BUTTONS, CARDS, CONFIRMS, SLIDES, SUB_ACTIONS, actions


class Text(str):
    """A subclass of str, such as some libraries use."""

    __slots__ = ()


LENGTHS = [0, 1, 15, 16, 20, 21, 50, 51, 100, 101, 200, 201, 255, 256, 257, 300, 301, 320, 321]
LENGTHS += [500, 501, 5_000, 5_001, 10_000, 10_001]
COUNTS = [0, 1, 2, 3, 4, 5, 6, 10, 11, 20, 21]
LONG = st.builds(lambda char, length: char * length, st.characters(), st.sampled_from(LENGTHS))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 200)
    | st.sampled_from([2**63, -(2**64), 0.5, 1e308, float("nan"), float("inf")])
    | st.builds(pow, st.just(10), st.just(5000))  # more digits than Python prints
    | LONG
    | st.text(max_size=3)
    | st.builds(Text, st.text(max_size=3))
    | st.sampled_from(["https://a", "a,b", "deluge", "team", "menu_handler", "1", "-", "../x"])
    | st.binary(max_size=2)
    | st.builds(object)
    | st.sampled_from([int, print, ..., ValueError("x"), 1j, range(3)])
)
JUNK = st.recursive(
    SCALARS | st.deferred(lambda: MODELS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(iter)
        | st.builds(
            lambda item, many: [item] * many, inner, st.sampled_from([5, 6, 10, 11, 20, 21])
        )
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
        | st.sets(st.text(max_size=3) | st.integers(), max_size=3)
    ),
    max_leaves=4,
)
MODELS = st.one_of(CONFIRMS, BUTTONS, SLIDES, CARDS, SUB_ACTIONS, actions(st.none()))
JSON_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 200)
    | st.sampled_from([2**63, 0.5, 1e308])
    | LONG.filter(str.isprintable)
    | st.text(st.characters(codec="utf-8"), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)
"""Any JSON value."""


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Return each container in nested data with each of its keys."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    found = [(data, key) for key, _ in items]
    inner = data.values() if isinstance(data, dict) else data
    for each in inner:
        if isinstance(each, dict | list):
            found += _places(each)
    return found


@st.composite
def mutated(draw: st.DrawFn, plain: dict[str, Any]) -> dict[str, Any]:
    """Return plain data of the API with one change, which may or may not break a limit."""
    data = copy.deepcopy(plain)
    places = _places(data)
    if not places:
        return data | {"extra": draw(JSON_JUNK)}
    inside, key = draw(st.sampled_from(places))
    value = inside[key]
    lengths = st.sampled_from(LENGTHS)
    match draw(st.sampled_from(["junk", "size", "size", "size", "drop", "extra", "none"])):
        case "junk":
            inside[key] = draw(JSON_JUNK)
        case "size" if isinstance(value, str):
            inside[key] = (value or "x")[:1] * draw(lengths)
        case "size" if isinstance(value, list):
            many = draw(st.sampled_from(COUNTS))
            inside[key] = ((value or [draw(JSON_JUNK)]) * many)[:many]
        case "size" if isinstance(value, int):
            inside[key] = draw(st.integers(-1, 5) | st.sampled_from([99, 100, 101]))
        case "drop" if isinstance(inside, dict):
            del inside[key]
        case "extra" if isinstance(inside, dict):
            inside[draw(st.sampled_from(["extra", "type", "title", "name"]))] = draw(JSON_JUNK)
        case _:
            inside[key] = None
    return data
