"""Whatever the models build fits the JSON schemas that were written from the documents."""

from hypothesis import given
from support.effort import tries
from support.schemas import violation
from support.strategies import (
    BOT_CHANGES,
    CALLS,
    HANDLER_CHANGES,
    MESSAGES,
    NEW_BOTS,
    NEW_HANDLERS,
    PARAMETERS,
)

from cliq_async.models.incoming import check_parameters
from cliq_async.models.serialization import unstructure

MANY = tries(30)


@MANY
@given(MESSAGES)
def test_messages(message):
    assert violation("send_message", unstructure(message)) is None


@MANY
@given(CALLS)
def test_calls(call):
    assert violation("trigger_call", unstructure(call)) is None


@MANY
@given(NEW_BOTS)
def test_new_bots(new):
    assert violation("create_bot", unstructure(new)) is None


@MANY
@given(BOT_CHANGES)
def test_changes_of_bots(changes):
    assert violation("update_bot", unstructure(changes)) is None


@MANY
@given(NEW_HANDLERS)
def test_new_handlers(new):
    assert violation("create_handler", unstructure(new)) is None


@MANY
@given(HANDLER_CHANGES)
def test_changes_of_handlers(each):
    assert violation("update_handler", unstructure(each[1])) is None


@MANY
@given(PARAMETERS)
def test_parameters(parameters):
    assert violation("send_incoming_webhook", check_parameters(parameters)) is None
