"""Each body that the documents print, built by the models exactly as it stands there."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from support.schemas import DOCUMENTED, VALIDATORS, Documented, violation

from cliq_async.models import (
    BotChanges,
    Call,
    HandlerChanges,
    Message,
    NewBot,
    NewHandler,
    Prompt,
    SubAction,
)
from cliq_async.models.incoming import check_parameters
from cliq_async.models.parsing.call import actions_from
from cliq_async.models.parsing.message import message_from
from cliq_async.models.serialization import unstructure

RECIPIENTS = {"user_ids", "broadcast"}

# Documented bodies that another document, or the same one, contradicts: docs/live-service.md has
# them. The models build them as well, with `extra`.
CONTRADICTED = {
    "A critical support ticket has been escalated and requires immediate attention.": "card",
    "Deployment approval required for release v3.6.1 to production.": "card",
    "You are invited to the Sales Annual Strategy Meet 2024.": "card",
    "The Q4 marketing budget is ready for review.": "hint",
    "Please find the attached image for the office layout.": "slides",
}


def contradicted(each: Documented) -> str | None:
    """Return the field of a body that another document contradicts."""
    if each.source == "Bots":
        return None
    text = each.body["text"]
    return next((key for start, key in CONTRADICTED.items() if text.startswith(start)), None)


def _handler(cls: Callable[..., Any], body: dict[str, Any]) -> Any:
    fields = dict(body)
    if "sub_actions" in body:
        fields["sub_actions"] = [SubAction(**each) for each in body["sub_actions"]]
    return cls(**fields)


BUILDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "create_bot": lambda body: NewBot(**body),
    "update_bot": lambda body: BotChanges(**body),
    "create_handler": lambda body: _handler(NewHandler, body),
    "update_handler": lambda body: _handler(HandlerChanges, body),
    "trigger_call": lambda body: Call(**(body | actions_from(body["actions"]))),
}
PLAIN = ("send_incoming_webhook", "associate_channel")  # no model has their bodies
MODELED = [each for each in DOCUMENTED if each.endpoint in BUILDERS]
MESSAGES = [each for each in DOCUMENTED if each.endpoint == "send_message"]


def test_there_are_bodies_of_every_request():
    assert {each.endpoint for each in DOCUMENTED} == set(VALIDATORS)
    assert len(DOCUMENTED) == 32
    assert len(MODELED) + len(MESSAGES) == 30


@pytest.mark.parametrize("each", MODELED, ids=lambda each: each.endpoint)
def test_model_builds_the_body_exactly(each):
    assert unstructure(BUILDERS[each.endpoint](each.body)) == each.body


def test_parameters_of_an_incoming_message_are_the_body():
    (each,) = [each for each in DOCUMENTED if each.endpoint == "send_incoming_webhook"]
    assert check_parameters(each.body) == each.body


def build(body: dict[str, Any]) -> Message:
    """Build a message, with a relative URL in the only field that the form refuses it in."""
    thumbnail = body.get("card", {}).get("thumbnail", "https://")
    if thumbnail.startswith("https://"):
        return message_from(body, allow_unknown=True)
    return attrs.evolve(message_from(body | {"card": {}}), extra={"card": body["card"]})


@pytest.mark.parametrize("each", MESSAGES, ids=lambda each: each.body["text"][:20])
def test_message_builds_the_body_exactly(each):
    body = {name: value for name, value in each.body.items() if name not in RECIPIENTS}
    message = build(body)
    assert unstructure(message) == body
    key = contradicted(each)
    assert set(message.extra) == ({key} if key else set())
    if key is None:
        assert message_from(body) == message


@pytest.mark.parametrize("each", DOCUMENTED, ids=lambda each: f"{each.source} {each.endpoint}")
def test_body_fits_the_schema_or_another_document_contradicts_it(each):
    found = violation(each.endpoint, each.body)
    # Both `image` and `images` are types of the schema.
    expected = contradicted(each) and not each.body["text"].startswith("Please find the attached")
    assert bool(found) == bool(expected), found


def test_extra_can_also_be_given_where_it_belongs():
    (each,) = [each for each in MESSAGES if each.body["text"].startswith("Deployment approval")]
    card = each.body["card"]
    prompt = Prompt(card["title"], extra={"buttons": card["buttons"]})
    assert unstructure(Message(each.body["text"], card=prompt)) == each.body
