"""The limits of cards and slides."""

from typing import Any

import attrs
import pytest

from cliq_async import models
from cliq_async.errors import ValidationError
from cliq_async.models import (
    BulletList,
    Images,
    Labels,
    Message,
    ModernInline,
    Poll,
    Prompt,
    Section,
    Sender,
    Slide,
    Table,
    TextBlock,
)


def build(cls: Any, *args: Any, **fields: Any) -> Any:
    """Build a model from arguments that the type checker would refuse."""
    return cls(*args, **fields)


def refusal(cls: Any, *args: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        build(cls, *args, **fields)
    return raised.value


FULL_SLIDES = [
    TextBlock("x" * 9_990, title="t" * 10),
    BulletList(["x" * 4_000, "x" * 5_990], title="t" * 10),
    Labels([("x" * 4_000, "x" * 5_990)], title="t" * 10),
    Images("https://" + "x" * 9_992),
    Table(["h" * 1000], rows=[{"h" * 1000: "x" * 7_990}], widths=[100], title="t" * 10),
]


@pytest.mark.parametrize("slide", FULL_SLIDES, ids=lambda slide: slide.type)
def test_slides_have_10000_characters_with_titles_and_keys(slide: Slide):
    assert slide.size == 10_000
    assert Message(slides=slide)
    longer = attrs.evolve(slide, title=slide.title + "t")
    error = refusal(Message, slides=longer)
    assert (error.field, error.given) == ("Message.slides", 10_001)
    assert refusal(Message, slides=[slide, TextBlock("x")]).given == 10_001


@pytest.mark.parametrize(
    ("cls", "fields", "field", "longest"),
    [
        (ModernInline, {}, "title", 200),
        (Poll, {"options": ["a", "b"]}, "title", 200),
        (Prompt, {}, "title", 200),
    ],
)
def test_title_of_a_card_has_at_most_200_characters(cls, fields, field, longest):
    assert build(cls, "x" * longest, **fields).title == "x" * longest
    error = refusal(cls, "x" * (longest + 1), **fields)
    assert (error.field, error.given) == (f"{cls.__name__}.{field}", longest + 1)


def test_poll_has_2_to_10_options_of_1_to_100_characters():
    assert len(Poll("?", options=["x" * 100] * 10).options) == 10
    assert len(Poll("?", options=("a", "b")).options) == 2
    for count in (0, 1, 11):
        assert refusal(Poll, "?", options=["x"] * count).given == count
    assert refusal(Poll, "?", options="one").given == 1
    for option in ("", "x" * 101):
        error = refusal(Poll, "?", options=["a", option])
        assert (error.field, error.given) == ("Poll.options[1]", len(option))


@pytest.mark.parametrize("wrong", ["http://x.com/a", "https://", "https://a b", "ftp://x", "", 5])
@pytest.mark.parametrize(
    ("cls", "field", "name"),
    [
        (ModernInline, "thumbnail", "ModernInline.thumbnail"),
        (Sender, "image", "Sender.image"),
        (Images, "urls", "Images.urls[0]"),
    ],
)
def test_images_are_https(cls, field, name, wrong):
    assert build(cls, **{field: "HTTPS://example.com/a.png"})
    assert refusal(cls, **{field: wrong}).field == name


def test_section_has_fields():
    assert refusal(Section, {}).field == "Section.fields"
    assert refusal(Section, 5).field == "Section.fields[0]"
    assert refusal(Section, [("a", "b"), ("a", "b", "c")]).field == "Section.fields[1]"
    assert refusal(Section, {"a": None}).field == "Section.fields[0]"
    assert refusal(ModernInline, sections=[{"a": "b"}]).field == "ModernInline.sections[0]"


def test_rows_of_a_table_have_headers_for_keys():
    assert Table(["a", "b"], rows=[{"a": "1"}, {}, {"b": "2", "a": "1"}])
    error = refusal(Table, ["a"], rows=[{"a": "1"}, {"c": "1"}])
    assert (error.field, error.given) == ("Table.rows[1]", "c")
    assert refusal(Table, ["a"], rows=[{"a": None}]).field == "Table.rows[0]"
    assert refusal(Table, ["a"], rows=["a"]).field == "Table.rows[0]"
    assert refusal(Table, [], rows=[]).field == "Table.headers"


def test_widths_of_a_table_are_one_a_column_and_100_in_all():
    assert Table(["a", "b"], rows=[], widths=[99, 1]).data()["styles"] == {"width": [99, 1]}
    assert refusal(Table, ["a", "b"], rows=[], widths=[100]).given == 1
    assert refusal(Table, ["a", "b"], rows=[], widths=[50, 49]).given == 99
    assert refusal(Table, ["a", "b"], rows=[], widths=[50, 51]).given == 101
    for wrong in (0, -1, 101, 50.0, "50", True):
        error = refusal(Table, ["a", "b"], rows=[], widths=[50, wrong])
        assert (error.field, error.given) == ("Table.widths[1]", wrong)


@pytest.mark.parametrize("cls", [BulletList, Labels, Images])
def test_slide_needs_something_to_show(cls):
    assert refusal(cls, []).given == 0


def test_text_block_needs_text():
    assert refusal(TextBlock, "").field == "TextBlock.text"


def test_numbers_become_text_in_slides():
    table: Any = build(Table, ["year", 2025], rows=[{"year": 1.5, 2025: 7}])
    assert table.data() == {"headers": ["year", "2025"], "rows": [{"year": "1.5", "2025": "7"}]}
    assert Labels({"Load": 93}).data() == [{"label": "Load", "value": "93"}]
    assert refusal(Labels, {"big": 10**5000}).field == "Labels.pairs[0]"
    assert refusal(Labels, {"flag": True}).given is True


def test_bare_card_and_slide_cannot_be_made():
    for cls in (models.Card, models.Slide, models.Action):
        with pytest.raises(TypeError):
            build(cls)
