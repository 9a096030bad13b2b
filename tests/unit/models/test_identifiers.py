"""The ids in bodies and paths, and the size of a page."""

import array
import enum
import itertools
from decimal import Decimal
from numbers import Integral
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, strategies as st

from cliq_async.errors import ValidationError
from cliq_async.models.call import Call
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


class Index:
    """An integer of another library, as numpy's."""

    def __init__(self, value):
        self.value = value

    def __int__(self):
        return self.value


Integral.register(Index)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([Index(55743307)], "55743307"),
        (Index(7), "7"),
        ([Decimal(55743307), Decimal("8.00")], "55743307,8"),
        (array.array("q", [1, 2]), "1,2"),
        (" 55743307\n", "55743307"),
        (
            ["\u202a55743307\u202c", "\ufeff1\u200b", "\xa0ann@example.com\xa0"],
            "55743307,1,ann@example.com",
        ),
        (["o'neil+cliq@ex-ample.com"], "o'neil+cliq@ex-ample.com"),
    ],
)
def test_ids_of_any_integer_type_and_with_spaces_around_are_ids(ids, expected):
    assert user_ids_field(ids) == expected


@pytest.mark.parametrize(
    "bad",
    [
        *("NULL", "n/a", "nan", "None", "user_id", "supportbot", "-5", "+5", "0x10", "1_000"),
        *("55743307;", "5574 3307", "5574\u200b3307", "\u0665\u0666", "\uff15", "\xb2"),
        *("@", "ann@", "@example.com", "a@b@c", "Ann <ann@example.com>", "mailto:ann@example.com"),
        *("ann@exa\u200bmple.com", '"ann"@example.com', "[a@b]"),
    ],
)
def test_text_that_cannot_be_an_id_is_refused(bad):
    for ids in (bad, [bad], ["1", bad], [bad, "ann@example.com"]):
        error = refusal(user_ids_field, ids)
        assert (error.field, error.given) == ("user_ids", bad)
        assert error.limit == "a ZUID, which has digits only, or an email address"


@pytest.mark.parametrize(
    "bad",
    ["55743307.0", "5.57433E+07", "5574e7", "55.743.307", 55743307.0, float("nan")],
)
def test_number_that_a_spreadsheet_has_changed_is_refused_with_advice(bad):
    for ids in ([bad], ["1", bad]):
        assert "a program took this id for a number" in refusal(user_ids_field, ids).limit


@pytest.mark.parametrize("bad", [Decimal("5.5"), Decimal("5.57433E+7"), Decimal("NaN")])
def test_decimal_with_a_fraction_or_without_its_last_digits_is_refused(bad):
    assert str(refusal(user_ids_field, [bad]).given) == repr(bad)


class Table:
    """A data frame, whose items are the names of its columns."""

    shape = (3, 2)

    def __init__(self, *columns):
        self.columns = columns

    def __iter__(self):
        return iter(self.columns)


@pytest.mark.parametrize(
    ("columns", "column"),
    [(("name", "ZUID"), "ZUID"), (("a", "user_id"), "user_id"), (("a", "b"), "a"), ((), "user_id")],
)
def test_data_frame_is_refused_and_a_column_is_named(columns, column):
    table: Any = Table(*columns)
    for call in (user_ids_field, lambda ids: Call("x", user_ids=ids)):
        error = refusal(call, table)
        assert f"the column table['{column}']" in error.limit
        assert all(name in str(error) for name in columns)


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


@pytest.mark.parametrize("bad", [each for each in NOT_IN_IDS if each.strip()])
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
    assert page_limit(limit, 50) == limit
    assert refusal(page_limit, 51, 50).limit == "an int from 1 to 50"


@pytest.mark.parametrize("limit", [None, 1, 51, 10_000])
def test_page_without_a_documented_maximum_has_any_size(limit):
    assert page_limit(limit) == limit


@pytest.mark.parametrize("limit", [0, -1, True, 1.0, "20", pytest.param(10**5000, id="huge")])
def test_other_size_of_a_page_is_refused(limit):
    assert refusal(page_limit, limit).field == "limit"
