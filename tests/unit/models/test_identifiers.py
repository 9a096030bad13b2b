"""The ids in bodies and paths, and the size of a page."""

import enum
import itertools
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, strategies as st

from cliq_async.errors import ValidationError
from cliq_async.models.identifiers import page_limit, path_segment, user_ids_field

NOT_IN_IDS = ["", " ", "a b", "a,b", "a\n", "\u2028", "a\x00", "a\x7f", "a\x85b", "\ud800"]


def refusal(call: Any, *args: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        call(*args)
    return raised.value


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("55743307", "55743307"),
        (55743307, "55743307"),
        (["1", 2], "1,2"),
        (("1",), "1"),
        (iter(["1", "2"]), "1,2"),
        ({"1": None}, "1"),
        (["zoë@example.com", "2"], "zoë@example.com,2"),
        (range(1, 4), "1,2,3"),
    ],
)
def test_one_id_or_several_become_a_list_with_commas(ids, expected):
    assert user_ids_field(ids) == expected


def test_subclasses_of_str_are_written_as_str():
    class Who(str, enum.Enum):  # noqa: UP042  # its str() is not its value
        ANN = "ann@example.com"

    assert user_ids_field(Who.ANN) == user_ids_field([Who.ANN]) == "ann@example.com"
    assert type(user_ids_field(Who.ANN)) is str


def test_at_most_100_ids():
    ids = [str(i) for i in range(101)]
    assert user_ids_field(ids[:100]).count(",") == 99
    error = refusal(user_ids_field, ids)
    assert (error.field, error.given) == ("user_ids", 101)
    assert refusal(user_ids_field, iter(ids)).limit == "1 to 100 ids"
    assert refusal(user_ids_field, itertools.count()).limit == "1 to 100 ids"


def test_list_without_an_id_is_refused():
    assert refusal(user_ids_field, []).given == 0


@pytest.mark.parametrize("bad", NOT_IN_IDS)
def test_id_with_a_separator_or_control_character_is_refused(bad):
    for ids in (bad, [bad], ["1", bad, "2"], [bad] * 100):
        error = refusal(user_ids_field, ids)
        assert (error.field, error.given) == ("user_ids", bad)


@pytest.mark.parametrize("bad", [None, 1.5, True, b"1", [None], [["1"]], [1.0], [b"1"], [10**5000]])
def test_invalid_id_is_refused(bad):
    assert refusal(user_ids_field, bad).field == "user_ids"


@pytest.mark.parametrize("value", ["supportbot", "b-1901318000009075007", "a_B-9", "..."])
def test_plain_identifier_stays_as_it_is(value):
    assert path_segment("bot_id", value) == value


def test_other_identifier_is_quoted():
    assert path_segment("bot_unique_name", "büro+1@x&y=z;") == "b%C3%BCro%2B1%40x%26y%3Dz%3B"


@pytest.mark.parametrize("bad", [*"/\\?#%", "a/b", "..", ".", "../x", "a%2fb", "a?b", "a\r\nb"])
def test_identifier_stays_one_segment_of_the_path(bad):
    error = refusal(path_segment, "bot_id", bad)
    assert (error.field, error.given) == ("bot_id", bad)


@pytest.mark.parametrize("bad", [*(b for b in NOT_IN_IDS if b != "a,b"), None, 5, b"x"])
def test_invalid_identifier_is_refused(bad):
    assert refusal(path_segment, "bot_id", bad).field == "bot_id"


@given(st.text(max_size=5))
def test_identifier_is_refused_or_comes_back_whole(value):
    try:
        quoted = path_segment("bot_id", value)
    except ValidationError:
        return
    assert unquote(quoted) == value
    assert quoted.isascii()
    assert not set(quoted) & set("/\\?# ")


@pytest.mark.parametrize("limit", [None, 1, 20, 50])
def test_page_has_1_to_50_items(limit):
    assert page_limit(limit) == limit


@pytest.mark.parametrize("limit", [0, -1, 51, True, 1.0, "20", pytest.param(10**5000, id="huge")])
def test_other_size_of_a_page_is_refused(limit):
    assert refusal(page_limit, limit).field == "limit"
