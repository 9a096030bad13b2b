"""The limits of new bots and of changes to bots."""

from typing import Any

import attrs
import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import BotChanges, NewBot
from cliq_async.models.serialization import unstructure

NEW: dict[str, Any] = {"name": "Ops Bot", "description": "Tells what is on fire"}
BOTH = pytest.mark.parametrize(("cls", "base"), [(NewBot, NEW), (BotChanges, {"name": "x"})])


def refusal(cls: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        cls(**fields)
    return raised.value


@BOTH
@pytest.mark.parametrize(("field", "longest"), [("name", 20), ("description", 300)])
def test_texts_have_their_documented_lengths(cls, base, field, longest):
    for length in (1, longest):
        assert getattr(cls(**(base | {field: "é" * length})), field) == "é" * length
    for length in (0, longest + 1):
        error = refusal(cls, **(base | {field: "é" * length}))
        assert (error.field, error.given) == (f"{cls.__name__}.{field}", length)
        assert str(longest) in error.limit


def test_new_bot_needs_a_name_and_a_description():
    with pytest.raises(TypeError, match="description"):
        NewBot("x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert refusal(NewBot, name=None, description="x").field == "NewBot.name"


@BOTH
def test_five_teams_are_one_too_many(cls, base):
    assert cls(**base, team_ids=[1, 2, 3, 4]).team_ids == (1, 2, 3, 4)
    error = refusal(cls, **base, team_ids=[1, 2, 3, 4, 5])
    assert (error.field, error.limit, error.given) == (
        f"{cls.__name__}.team_ids",
        "1 to 4 ids",
        5,
    )
    assert refusal(cls, **base, team_ids=[]).given == 0
    for wrong in ("12345678", True, 1.0):
        error = refusal(cls, **base, team_ids=[1, wrong])
        assert (error.field, error.given) == (f"{cls.__name__}.team_ids[1]", wrong)


@BOTH
def test_scope_team_needs_team_ids(cls, base):
    error = refusal(cls, **base, scope="team")
    assert (error.field, error.given) == (f"{cls.__name__}.team_ids", None)
    assert "scope is team" in error.limit
    assert cls(**base, scope="team", team_ids=7).team_ids == (7,)


def test_new_bot_always_has_a_scope():
    assert NewBot(**NEW).scope == "organization"
    assert NewBot(**NEW, scope=None).scope == "organization"
    assert NewBot(**NEW, team_ids=[7]).scope == "team"
    assert NewBot(**NEW, scope="personal").scope == "personal"
    for scope in ("organization", "team", "personal"):
        new = NewBot(**NEW, scope=scope, team_ids=[7])
        assert unstructure(new)["scope"] == scope
    assert "scope" not in unstructure(BotChanges(name="x", team_ids=[7]))


@BOTH
def test_scope_is_one_of_three(cls, base):
    for scope in ("organization", "personal"):
        assert cls(**base, scope=scope).scope == scope
    error = refusal(cls, **base, scope="galaxy")
    assert (error.field, error.given) == (f"{cls.__name__}.scope", "galaxy")
    assert error.limit == "one of organization, team, personal"


@BOTH
def test_eleven_status_messages_are_too_many_and_one_of_51_is_too_long(cls, base):
    assert cls(**base, status_messages="Here").status_messages == ("Here",)
    assert len(cls(**base, status_messages=["x" * 50] * 10).status_messages) == 10
    error = refusal(cls, **base, status_messages=["x"] * 11)
    assert (error.field, error.given) == (f"{cls.__name__}.status_messages", 11)
    error = refusal(cls, **base, status_messages=["x", "x" * 51])
    assert (error.field, error.given) == (f"{cls.__name__}.status_messages[1]", 51)
    assert refusal(cls, **base, status_messages=[""]).given == 0


@BOTH
def test_four_participations_are_too_many(cls, base):
    three = ("listen_message", "send_message", "auto_follow_thread")
    assert cls(**base, channel_participation=list(three)).channel_participation == three
    error = refusal(cls, **base, channel_participation=[*three, "send_message"])
    assert (error.field, error.given) == (f"{cls.__name__}.channel_participation", 4)
    error = refusal(cls, **base, channel_participation=["shout"])
    assert (error.field, error.given) == (f"{cls.__name__}.channel_participation[0]", "shout")


@BOTH
def test_calls_are_enabled_or_disabled(cls, base):
    assert cls(**base, calls="enabled").calls == "enabled"
    assert cls(**base, calls="enable").calls == "enable"  # the documents print this, too
    assert refusal(cls, **base, calls="on").limit == "one of enabled, disabled, enable, disable"


@BOTH
def test_image_is_a_text(cls, base):
    assert cls(**base, image="iVBORw0KGgo=").image == "iVBORw0KGgo="
    assert refusal(cls, **base, image="").given == 0
    assert refusal(cls, **base, image=b"PNG").field == f"{cls.__name__}.image"


def test_webhook_bot_needs_an_execution_url_and_no_other_has_one():
    url = "https://example.com/cliq"
    assert NewBot(**NEW, execution_type="webhook", execution_url=url).execution_url == url
    missing = refusal(NewBot, **NEW, execution_type="webhook")
    assert (missing.field, missing.given) == ("NewBot.execution_url", None)
    for kind in ("deluge", None):
        given = refusal(NewBot, **NEW, execution_type=kind, execution_url=url)
        assert (given.field, given.given) == ("NewBot.execution_url", url)
    assert refusal(NewBot, **NEW, execution_type="python").field == "NewBot.execution_type"


@pytest.mark.parametrize("url", ["", "example.com", "ftp://a", "https://", "https://a b", 5])
def test_execution_url_is_a_url(url):
    assert refusal(BotChanges, execution_url=url).field == "BotChanges.execution_url"


def test_changes_change_something():
    error = refusal(BotChanges)
    assert (error.field, error.limit) == ("BotChanges", "at least one change")
    assert refusal(BotChanges, **dict.fromkeys(attrs.fields_dict(BotChanges), None))
    with pytest.raises(TypeError, match="execution_type"):
        BotChanges(execution_type="webhook")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_none_is_left_out_but_empty_values_are_not():
    assert unstructure(NewBot(**NEW)) == NEW | {"scope": "organization"}
    assert unstructure(BotChanges(status_messages=[], channel_participation=())) == {
        "status_messages": [],
        "channel_participation": [],
    }


def test_request_has_the_names_of_the_api():
    full = NEW | {
        "execution_type": "webhook",
        "execution_url": "https://example.com/cliq",
        "scope": "team",
        "team_ids": [98765432],
        "status_messages": ["Watching"],
        "channel_participation": ["listen_message", "send_message"],
        "calls": "enabled",
        "image": "iVBORw0KGgo=",
    }
    assert unstructure(NewBot(**full)) == full
    changes = {name: value for name, value in full.items() if name != "execution_type"}
    assert unstructure(BotChanges(**changes)) == changes
